import { describe, expect, test } from 'vitest'
import { buildDoors } from '../support/doors.ts'

describe.each(['data', 'admin'] as const)('health on the %s door', (name) => {
  test('is live as soon as it answers', async () => {
    const door = buildDoors()[name]
    const reply = await door.inject('/livez')
    expect([reply.statusCode, reply.json()]).toEqual([200, { live: true }])
  })

  test('is ready exactly while the node is', async () => {
    const doors = buildDoors()
    const statuses: number[] = []
    for (const state of ['joining', 'active', 'leaving'] as const) {
      doors.node.state = state
      statuses.push((await doors[name].inject('/readyz')).statusCode)
    }
    expect(statuses).toEqual([503, 200, 503])
  })

  test('is not ready while it drains, and says why when asked', async () => {
    const doors = buildDoors()
    doors.draining.begin()
    const reply = await doors[name].inject('/readyz?verbose')
    expect(reply.statusCode).toBe(503)
    expect(reply.json()).toEqual({
      ready: false,
      checks: [
        { name: 'node', passed: true, detail: 'active' },
        { name: 'draining', passed: false, detail: 'shutting down' },
      ],
    })
    expect((await doors[name].inject('/livez')).statusCode).toBe(200)
  })

  test('shows metrics in the text format', async () => {
    const reply = await buildDoors()[name].inject('/metrics')
    expect(reply.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(reply.body).toContain('# TYPE rate_limiter_checks_total counter')
  })

  test.each(['/livez', '/readyz', '/metrics'])('answers HEAD %s', async (url) => {
    const reply = await buildDoors()[name].inject({ method: 'HEAD', url })
    expect(reply.statusCode).toBe(200)
  })
})

test('metrics of one process are not shown where several answer, but at its own door', async () => {
  const { data, admin } = buildDoors({ sharesDoors: true })
  const reply = await data.inject('/metrics')
  expect(reply.statusCode).toBe(404)
  expect(reply.json()).toMatchObject({ code: 'not_found' })
  expect(reply.json().detail).toContain('ask each at its admin address')
  expect((await data.inject('/readyz')).statusCode).toBe(200)
  expect((await admin.inject('/metrics')).statusCode).toBe(200)
})
