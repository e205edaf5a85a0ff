// Advance widths of Inter's regular face for the characters ' ' to '~', in thousandths of the font size.
// Charts are laid out without a screen, so the width of a text has to be known rather than asked for.
const WIDTHS = [
  281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610,
  618, 646, 593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601,
  590, 746, 743, 269, 571, 672, 565, 903, 753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682,
  679, 629, 365, 360, 365, 471, 456, 323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549,
  242, 876, 591, 600, 612, 612, 376, 528, 327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662,
]
const FIRST_CODE = 32
const OTHER_WIDTH = 660
/** The bold face runs this much wider. */
const BOLD_FACTOR = 1.06

/** Width in pixels of one line of text at a font size in pixels, in Inter without kerning. */
export function textWidth(text: string, fontSize: number, bold = false): number {
  let thousandths = 0
  for (const character of text) {
    thousandths += WIDTHS[(character.codePointAt(0) ?? 0) - FIRST_CODE] ?? OTHER_WIDTH
  }
  return (thousandths / 1000) * fontSize * (bold ? BOLD_FACTOR : 1)
}
