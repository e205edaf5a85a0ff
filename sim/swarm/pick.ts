import type { Random } from '../../cluster/random.ts'

export function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[random.below(items.length)] as Item
}

/** A whole number between two, both included. */
export function range(min: number, max: number, random: Random): number {
  return min + random.below(max - min + 1)
}

export function oneIn(times: number, random: Random): boolean {
  return random.below(times) === 0
}

/** The items in a random order (Fisher and Yates). */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const order = [...items]
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const item = order[at] as Item
    order[at] = order[other] as Item
    order[other] = item
  }
  return order
}
