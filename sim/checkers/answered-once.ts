import type { Oracle } from '../oracle.ts'

/**
 * Invariant 25: a late reply changes nothing. No client hears twice of a check, or of one it never asked,
 * however many answers arrive at its node.
 */
export const answeredOnce: Oracle = {
  invariant: 25,
  name: 'answered once',
  watch({ found }) {
    const waiting = new Set<number>()
    return {
      asked: ({ id }) => waiting.add(id),
      answered({ id, node, request }) {
        if (!waiting.delete(id)) found(`${node} answered check ${id}, of ${request.key}, once more`)
      },
    }
  },
}
