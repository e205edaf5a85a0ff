import { describe, expect, test } from 'vitest'
import { buildDoors } from '../support/doors.ts'
import { memberRecord } from '../support/memory-node.ts'

type Doors = ReturnType<typeof buildDoors>

async function order({ admin }: Doors, action: 'forget' | 'join', payload: object) {
  const reply = await admin.inject({ method: 'POST', url: `/api/v1/cluster/${action}`, payload })
  return { status: reply.statusCode, ...reply.json() }
}

describe('an operator says that a member is gone', () => {
  test('and it is taken for one that has left, by its name or its id', async () => {
    for (const node of ['n2', 'id-2']) {
      const doors = buildDoors()
      const { membership } = doors.node
      expect(membership.mayBeAlive().size).toBe(2)
      expect(await order(doors, 'forget', { node })).toEqual({
        status: 200,
        node: 'n2',
        id: 'id-2',
      })
      expect(membership.mayBeAlive().size).toBe(1)
      expect(doors.node.cluster().members.map(({ state }) => state)).toEqual(['active', 'left'])
    }
  })

  test('and is told why not, of one that lives', async () => {
    const doors = buildDoors()
    const { membership, nowMs } = doors.node
    membership.merge(memberRecord('id-3'), nowMs)
    membership.merge(memberRecord('id-4'), nowMs - 10_000)
    membership.linked(memberRecord('id-4').id, nowMs - 10_000)
    const whys = {
      n1: 'is the node that was asked',
      n3: 'has been heard',
      n4: 'a link to it is open',
    }
    for (const [node, why] of Object.entries(whys)) {
      const answer = await order(doors, 'forget', { node })
      expect(answer).toMatchObject({ status: 409, code: 'member_alive' })
      expect(answer.detail).toContain(why)
    }
    expect(membership.mayBeAlive().size).toBe(4)
  })

  test('and is asked for its id where several have the name', async () => {
    const doors = buildDoors()
    const { membership, nowMs } = doors.node
    membership.merge({ ...memberRecord('id-9'), name: 'n2' }, nowMs)
    expect(await order(doors, 'forget', { node: 'n2' })).toMatchObject({
      status: 409,
      code: 'ambiguous_member',
      detail: '2 members are called "n2": name its id, one of id-2 (dead), id-9 (active)',
    })
    expect(await order(doors, 'forget', { node: 'id-2' })).toMatchObject({ status: 200 })
  })

  test('of nobody known, and is told who is', async () => {
    expect(await order(buildDoors(), 'forget', { node: '__proto__' })).toMatchObject({
      status: 404,
      code: 'unknown_member',
      detail: 'no member is called "__proto__" (known: n2)',
    })
  })
})

describe('an operator says where members may be found', () => {
  test('in the same words as the option seeds takes', async () => {
    for (const address of ['10.0.0.7:4001', 'srv:_weir._tcp.example.com']) {
      expect(await order(buildDoors(), 'join', { address })).toEqual({ status: 200, address })
    }
    expect(await order(buildDoors(), 'join', { address: 'somewhere' })).toMatchObject({
      status: 400,
      code: 'invalid_address',
      detail: expect.stringMatching(/^seed "somewhere": it has no port.*expected host:port/),
    })
  })

  test('in as many places as there is room for', async () => {
    const doors = buildDoors()
    const statuses: number[] = []
    for (const address of ['a:1', 'b:1', 'c:1', 'a:1']) {
      statuses.push((await order(doors, 'join', { address })).status)
    }
    expect(statuses).toEqual([200, 200, 409, 200])
    expect(await order(doors, 'join', { address: 'c:1' })).toMatchObject({ code: 'too_many_seeds' })
  })

  test('to a node that is alone on purpose, which has no use for it', async () => {
    const doors = buildDoors()
    doors.node.discovery = undefined
    const answer = await order(doors, 'join', { address: 'a:1' })
    expect(answer).toMatchObject({ status: 409, code: 'not_clustered' })
  })
})

test.each([
  ['forget', {}],
  ['forget', { node: '' }],
  ['forget', { node: 'n2', force: true }],
  ['forget', { node: 2 }],
  ['forget', { node: 'x'.repeat(65) }],
  ['join', { address: 'x'.repeat(351) }],
  ['join', { node: 'n2' }],
] as const)('%s %o does not fit', async (action, body) => {
  expect(await order(buildDoors(), action, body)).toMatchObject({ code: 'invalid_request' })
})

test('the data door takes no orders', async () => {
  const { data } = buildDoors()
  for (const action of ['forget', 'join']) {
    const reply = await data.inject({ method: 'POST', url: `/api/v1/cluster/${action}` })
    expect(reply.statusCode).toBe(404)
  }
})
