import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Outcome, RedialLoop, redialPauseMs } from '../../../cluster/libp2p/redial.ts'

/** Times at which the attempts started, each answered from the list, the last answer for all further ones. */
function attempts(answers: readonly Outcome[], durationMs = 0) {
  const startedMs: number[] = []
  const signals: AbortSignal[] = []
  return {
    startedMs,
    signals,
    async attempt(signal: AbortSignal) {
      const answer = answers[Math.min(startedMs.length, answers.length - 1)] ?? 'again'
      startedMs.push(performance.now())
      signals.push(signal)
      if (durationMs > 0) await new Promise((resolve) => setTimeout(resolve, durationMs))
      return answer
    },
  }
}

const errors: unknown[] = []
let redial: RedialLoop

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  errors.length = 0
  redial = new RedialLoop((error) => errors.push(error))
})

afterEach(() => {
  redial.stop()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('the redial loop', () => {
  test('tries again after growing pauses, up to the longest', async () => {
    const { attempt, startedMs } = attempts(['again'])
    redial.keep('peer', attempt, 100)
    await vi.advanceTimersByTimeAsync(60_000)
    const pauses = startedMs.map((ms, i) => Math.round(ms - (startedMs[i - 1] ?? 0)))
    expect(pauses.slice(0, 5)).toEqual([100, 500, 650, 845, 1_098])
    expect(pauses.at(-1)).toBe(5_000)
  })

  test('rests when the target is reached, until woken', async () => {
    const { attempt, startedMs } = attempts(['again', 'resting', 'again'])
    redial.keep('peer', attempt, 0)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(startedMs).toEqual([0, 500])
    redial.wake('peer', 100)
    await vi.advanceTimersByTimeAsync(700)
    expect(startedMs).toEqual([0, 500, 10_100, 10_600])
  })

  test('looks again later where more may come, and hurries when that is lost', async () => {
    const { attempt, startedMs } = attempts(['later', 'later', 'again', 'again', 'later'])
    redial.keep('name', attempt, 0)
    await vi.advanceTimersByTimeAsync(25_000)
    expect(startedMs).toEqual([0, 10_000, 20_000, 20_500, 21_150])
    redial.wake('name', 100)
    await vi.advanceTimersByTimeAsync(200)
    expect(startedMs.at(-1)).toBe(25_100)
  })

  test('never runs two attempts at one target, though woken during one', async () => {
    const { attempt, startedMs } = attempts(['resting'], 1_000)
    redial.keep('peer', attempt, 0)
    await vi.advanceTimersByTimeAsync(300)
    redial.wake('peer', 0)
    redial.wake('peer', 50)
    await vi.advanceTimersByTimeAsync(600)
    expect(startedMs).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(startedMs).toEqual([0, 1_050])
  })

  test('interrupts the attempt at a released target, and makes no other', async () => {
    const { attempt, startedMs, signals } = attempts(['again'], 1_000)
    redial.keep('peer', attempt, 0)
    await vi.advanceTimersByTimeAsync(300)
    redial.release('peer')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(startedMs).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('survives an attempt that throws, and says so', async () => {
    let calls = 0
    redial.keep(
      'peer',
      () => {
        calls += 1
        return Promise.reject(new Error('bug'))
      },
      0,
    )
    await vi.advanceTimersByTimeAsync(1_000)
    expect(calls).toBe(2)
    expect(errors).toEqual([new Error('bug'), new Error('bug')])
  })

  test('jitters every pause by a fifth', () => {
    expect(redialPauseMs(0, 0)).toBe(400)
    expect(redialPauseMs(0, 1)).toBe(600)
    expect(redialPauseMs(99, 0.5)).toBe(5_000)
  })
})
