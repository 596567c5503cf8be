/** What a person's terminal sends is not all typed by the person. Pure. */

// Answers to questions that the program asked: the holder's own screen has answered them already.
const replies =
  /\x1b\[\??\d+;\d+(?:;\d+)?R|\x1b\[[?>=][\d;]*c|\x1b\[\?[\d;]+\$y|\x1b\[\?\d+u|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\/g;

// Reports about window focus: passed on, but no keystroke.
const focusReports = /\x1b\[[IO]/g;

export function readPersonInput(data: string): { forProgram: string; isTyping: boolean } {
  const forProgram = data.replace(replies, "");
  return { forProgram, isTyping: forProgram.replace(focusReports, "") !== "" };
}
