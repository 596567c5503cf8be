import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandDefinition } from "../command.ts";
import { completionScripts, type CompletionNode } from "../completion.ts";

/** `tree` is asked for when the command runs: by then the program is complete. */
export function completionCommand(tree: () => CompletionNode): CommandDefinition {
  const shells = Object.keys(completionScripts);
  return defineCommand<{ shell: string }>({
    usage: "completion <shell>",
    summary: "Print the script that completes commands in bash, zsh or fish.",
    arguments: { shell: shells.join(", ") },
    examples: [
      "completion bash > ~/.local/share/bash-completion/completions/rouse",
      "completion fish > ~/.config/fish/completions/rouse.fish",
    ],
    async run(invocation, { shell }) {
      const script = Object.hasOwn(completionScripts, shell)
        ? completionScripts[shell as keyof typeof completionScripts]
        : undefined;
      if (script === undefined) {
        throw new RouseError("invalid_input", `there is no completion for ${shell}`, {
          nextStep: `Choose one of ${shells.join(", ")}.`,
        });
      }
      invocation.show({ shell, script: script(tree()) }, (shown) => shown.script);
    },
  });
}
