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
  /** Both ends are a terminal: a view may be drawn anew in place. */
  screen?: Screen;
}

export interface Screen {
  size: () => { columns: number; rows: number };
  /** Every key until the returned function is called; nothing is echoed meanwhile. */
  onKey: (listener: (key: string) => void) => () => void;
  onResize: (listener: () => void) => () => void;
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
    ...(stdout.isTTY && stdin.isTTY ? { screen: processScreen() } : {}),
    readInput: async () => {
      if (stdin.isTTY) return null;
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

function processScreen(): Screen {
  const { stdin, stdout } = process;
  return {
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    onKey(listener) {
      const onData = (data: Buffer): void => listener(data.toString("utf8"));
      stdin.setRawMode(true);
      stdin.on("data", onData).resume();
      return () => {
        stdin.removeListener("data", onData).pause();
        stdin.setRawMode(false);
      };
    },
    onResize(listener) {
      stdout.on("resize", listener);
      return () => void stdout.removeListener("resize", listener);
    },
  };
}
