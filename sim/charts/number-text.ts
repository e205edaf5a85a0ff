/** A number for people: so many significant digits at most, and commas between thousands. */
export function numberText(value: number, digits = 3): string {
  // Digits before the point are all written: 1,234 rather than 1,230.
  const whole = Math.abs(value) >= 10 ** (digits - 1)
  const text = whole ? String(Math.round(value)) : String(Number(value.toPrecision(digits)))
  const [integer = '', ...fraction] = text.split('.')
  return [integer.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.')
}
