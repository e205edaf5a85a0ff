import { describe, expect, it } from 'vitest'
import { Joining } from '../../cluster/joining.ts'
import { JOIN_MS_MAX, JOIN_SETTLE_MS, JOIN_TIMEOUT_MS } from '../../cluster/limits.ts'
import type { NodeId } from '../../crdt/node-id.ts'

const [n2, n3] = ['n2', 'n3'] as NodeId[] as [NodeId, NodeId]
const START_MS = 1_000
const nobody = () => false
const everybody = () => true

describe('a joining node', () => {
  it('takes its place once every active member has answered its pull', () => {
    const joining = new Joining(START_MS)
    joining.linked(START_MS)
    const pulled = new Set<NodeId>([n2])
    expect(joining.isDone([n2, n3], (peer) => pulled.has(peer), 0, START_MS)).toBe(false)
    pulled.add(n3)
    expect(joining.isDone([n2, n3], (peer) => pulled.has(peer), 0, START_MS)).toBe(true)
  })

  it('does not wait for a pull longer than it may', () => {
    const joining = new Joining(START_MS)
    joining.linked(START_MS + 50)
    joining.linked(START_MS + 500)
    expect(joining.isDone([n2], nobody, 0, START_MS + 50 + JOIN_TIMEOUT_MS - 1)).toBe(false)
    expect(joining.isDone([n2], nobody, 0, START_MS + 50 + JOIN_TIMEOUT_MS)).toBe(true)
  })

  it('that finds only other joiners starts the cluster with them after a while', () => {
    const joining = new Joining(START_MS)
    joining.linked(START_MS)
    expect(joining.isDone([], everybody, 0, START_MS + JOIN_SETTLE_MS - 1)).toBe(false)
    expect(joining.isDone([], everybody, 0, START_MS + JOIN_SETTLE_MS)).toBe(true)
  })

  it('that finds nobody goes on alone', () => {
    const joining = new Joining(START_MS)
    expect(joining.isDone([], everybody, 0, START_MS + JOIN_TIMEOUT_MS - 1)).toBe(false)
    expect(joining.isDone([], everybody, 0, START_MS + JOIN_TIMEOUT_MS)).toBe(true)
  })

  it('does not take the time in which it did nothing for a search that was in vain', () => {
    const joining = new Joining(START_MS)
    joining.forgive(5_000)
    const searchedMs = START_MS + 5_000 + JOIN_TIMEOUT_MS
    expect(joining.isDone([], everybody, 0, searchedMs - 1)).toBe(false)
    expect(joining.isDone([], everybody, 0, searchedMs)).toBe(true)
  })

  it('waits for a pull that makes progress, but not for ever', () => {
    const joining = new Joining(START_MS)
    joining.linked(START_MS)
    const at = (afterMs: number, progressAfterMs: number) =>
      joining.isDone([n2], nobody, START_MS + progressAfterMs, START_MS + afterMs)
    expect(at(2 * JOIN_TIMEOUT_MS, 2 * JOIN_TIMEOUT_MS - 1)).toBe(false)
    expect(at(2 * JOIN_TIMEOUT_MS, JOIN_TIMEOUT_MS)).toBe(true)
    expect(at(JOIN_MS_MAX, JOIN_MS_MAX - 1)).toBe(true)
  })
})
