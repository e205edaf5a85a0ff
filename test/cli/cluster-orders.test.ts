import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/program.ts'
import { createNode, type WeirNode } from '../../src/index.ts'
import { until } from '../support/libp2p-transports.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

// Two clusters of one real node each, that started apart.

const RULES = [{ name: 'demo', limits: [{ rate: '100/s' }] }]
let nodes: readonly WeirNode[]
let admins: readonly string[]

beforeAll(async () => {
  nodes = await Promise.all(
    ['east', 'west'].map((name) => createNode({ name, rules: RULES, cluster: {} })),
  )
  admins = await Promise.all(nodes.map((node) => node.listenAdmin('127.0.0.1:0')))
})
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()))
})

async function weir(...words: string[]) {
  const terminal = new RecordedTerminal()
  const exit = await run(['cluster', ...words, '--admin', admins[0] ?? ''], terminal)
  return { exit, printed: terminal.printed, complaints: terminal.complaints.join('\n') }
}

function areOne(): boolean {
  const views = nodes.map((node) => node.cluster())
  const [view] = views
  return (
    views.every(({ members }) => members.length === 2) && views.every((v) => v.view === view?.view)
  )
}

describe('weir cluster join', () => {
  it('makes clusters one that started apart', async () => {
    expect(areOne()).toBe(false)
    const [, west] = nodes
    const address = west?.peerAddresses[0] ?? ''
    const { exit, printed } = await weir('join', address)
    expect(exit).toBe('ok')
    expect(printed).toEqual([expect.stringContaining(`looked for at ${address} from now on`)])
    await until('they are one', areOne)
  })

  it('tells what is wrong with an address', async () => {
    const { exit, complaints } = await weir('join', 'somewhere')
    expect(exit).toBe('rejected')
    expect(complaints).toMatch(/answered 400: Bad Request: seed "somewhere": it has no port/)
  })
})

describe('weir cluster forget', () => {
  it('is told that a linked member is alive', async () => {
    await until('they are one', areOne)
    const { exit, complaints } = await weir('forget', 'west')
    expect(exit).toBe('rejected')
    expect(complaints).toMatch(/answered 409: Conflict: "west" is alive.*a link to it is open/)
  })

  it('prints the answer of the node as it came, when asked to', async () => {
    const { exit, complaints } = await weir('forget', 'north', '-o', 'json')
    expect(exit).toBe('rejected')
    expect(complaints).toContain('no member is called "north" (known: west)')
    expect(await weir('join', '127.0.0.1:9', '-o', 'json')).toMatchObject({
      exit: 'ok',
      printed: ['{"address":"127.0.0.1:9"}'],
    })
  })
})
