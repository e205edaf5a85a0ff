import { describe, expect, it } from 'vitest'
import { decode } from '../../cluster/wire.ts'
import { Writer } from '../../cluster/writer.ts'

describe('a writer', () => {
  it('writes a message to several peers once, and the next one anew', () => {
    const writer = new Writer()
    const some = { type: 'hello', view: 1, members: [] } as const
    const other = { ...some, view: 2 }
    expect(writer.frameOf(some)).toBe(writer.frameOf(some))
    expect(decode(writer.frameOf(other))).toEqual({ type: 'message', message: other })
  })
})
