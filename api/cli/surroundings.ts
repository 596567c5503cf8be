/** What the command line is run in. Tests give their own. */
export interface Surroundings {
  environment: NodeJS.ProcessEnv;
  out: (text: string) => void;
  err: (text: string) => void;
  /** Whether a person sees the output. */
  isTerminal: boolean;
  /** Width of the terminal; 0 where there is none. */
  columns: number;
  /** Epoch ms. */
  now: () => number;
  /** Everything on standard input, or null when that is a keyboard. */
  readInput: () => Promise<string | null>;
}

export function processSurroundings(): Surroundings {
  const { env, stdout, stderr, stdin } = process;
  return {
    environment: env,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTerminal: stdout.isTTY,
    columns: stdout.isTTY ? stdout.columns : 0,
    now: () => Date.now(),
    readInput: async () => {
      if (stdin.isTTY) return null;
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}
