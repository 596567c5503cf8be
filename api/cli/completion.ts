import type { Command } from "commander";

/** What may follow a command on the command line. */
export interface CompletionNode {
  /** Subcommand → what may follow it. */
  commands: ReadonlyMap<string, CompletionNode>;
  /** Long options, with those of all commands. */
  options: readonly string[];
}

export function completionTree(command: Command, inherited: readonly string[] = []): CompletionNode {
  const own = command.options.flatMap(({ long, hidden }) => (long === undefined || hidden ? [] : [long]));
  const options = [...new Set([...own, ...inherited, "--help"])];
  const children = command.commands.map(
    (child) => [child.name(), completionTree(child, command.parent === null ? options : inherited)] as const,
  );
  return { commands: new Map(children), options };
}

interface Place {
  /** Subcommands so far, each with a leading space. */
  path: string;
  words: string;
}

function places(node: CompletionNode, path = ""): Place[] {
  const words = [...node.commands.keys(), ...node.options].join(" ");
  const below = [...node.commands].flatMap(([name, child]) => places(child, `${path} ${name}`));
  return [{ path, words }, ...below];
}

function cases(tree: CompletionNode, line: (place: Place) => string): string {
  return places(tree).map(line).join("\n");
}

function subcommands(tree: CompletionNode): string[] {
  return places(tree)
    .map(({ path }) => path)
    .filter((path) => path !== "");
}

/** Names are ours: letters and hyphens, so they need no quoting beyond the quotes here. */
export const completionScripts = {
  bash: (tree: CompletionNode) => `# rouse completion bash
_rouse() {
  local where="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$where $word" in
${known(tree)}
    esac
  done
  case "$where" in
${cases(tree, ({ path, words }) => `    "${path}") words="${words}" ;;`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _rouse rouse
`,
  zsh: (tree: CompletionNode) => `#compdef rouse
_rouse() {
  local where="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$where $word" in
${known(tree)}
    esac
  done
  case "$where" in
${cases(tree, ({ path, words }) => `    "${path}") compadd -- ${words} ;;`)}
  esac
}
if [ "$funcstack[1]" = "_rouse" ]; then _rouse "$@"; else compdef _rouse rouse; fi
`,
  fish: (tree: CompletionNode) => `# rouse completion fish
function __rouse_at
    set -l where ""
    for word in (commandline -opc)[2..-1]
        switch "$where $word"
            case ${subcommands(tree).map(quoted).join(" ")}
                set where "$where $word"
        end
    end
    test "$where" = "$argv[1]"
end
complete -c rouse -f
${cases(tree, ({ path, words }) => `complete -c rouse -n '__rouse_at "${path}"' -a "${words}"`)}
`,
};

/** Shell patterns that move one subcommand on. */
function known(tree: CompletionNode): string {
  return `      ${subcommands(tree).map(quoted).join("|")}) where="$where $word" ;;`;
}

function quoted(text: string): string {
  return `"${text}"`;
}
