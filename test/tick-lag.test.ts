import { expect, test } from 'vitest'
import { TickLag } from '../src/tick-lag.ts'

test('the worst lag is remembered for ten to twenty seconds', () => {
  const lag = new TickLag()
  expect(lag.worstMs).toBe(0)
  lag.late(300, 100_000)
  for (let atMs = 100_010; atMs <= 110_000; atMs += 10) lag.late(1, atMs)
  expect(lag.worstMs).toBe(300)
  for (let atMs = 110_010; atMs <= 120_000; atMs += 10) lag.late(2, atMs)
  expect(lag.worstMs).toBe(300)
  for (let atMs = 120_010; atMs <= 130_000; atMs += 10) lag.late(1, atMs)
  expect(lag.worstMs).toBe(2)
})
