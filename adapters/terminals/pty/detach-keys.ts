const prefix = "\x02";
const quit = "\x1c";

/** Splits a person's keys into those for the program and the wish to leave. Remembers a prefix between chunks. */
export function detachKeys(): (data: string) => { forProgram: string; isDetaching: boolean } {
  let hasPrefix = false;
  return (data) => {
    let forProgram = "";
    for (const key of data) {
      if (key === quit || (hasPrefix && key === "d")) return { forProgram, isDetaching: true };
      if (hasPrefix) {
        forProgram += key === prefix ? prefix : prefix + key;
        hasPrefix = false;
      } else if (key === prefix) hasPrefix = true;
      else forProgram += key;
    }
    return { forProgram, isDetaching: false };
  };
}
