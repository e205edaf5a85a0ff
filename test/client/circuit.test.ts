import { describe, expect, test } from 'vitest'
import { CIRCUIT_FAILURES, CIRCUIT_PROBE_MS, Circuit } from '../../src/client/circuit.ts'

function opened(nowMs: number): Circuit {
  const circuit = new Circuit()
  for (let failed = 0; failed < CIRCUIT_FAILURES; failed++) circuit.failed(nowMs)
  return circuit
}

describe('a circuit', () => {
  test('opens with the last of so many failures in a row', () => {
    const circuit = new Circuit()
    for (let failed = 1; failed < CIRCUIT_FAILURES; failed++) circuit.failed(0)
    expect(circuit.permit(0)).toBe('ask')
    circuit.failed(0)
    expect(circuit.permit(0)).toBe('refuse')
  })

  test('counts from the start again after an answer', () => {
    const circuit = new Circuit()
    for (let failed = 1; failed < CIRCUIT_FAILURES; failed++) circuit.failed(0)
    circuit.answered()
    circuit.failed(0)
    expect(circuit.permit(0)).toBe('ask')
  })

  test('allows one probe at a time while open, and closes when it is answered', () => {
    const circuit = opened(0)
    expect(circuit.permit(CIRCUIT_PROBE_MS - 1)).toBe('refuse')
    expect(circuit.permit(CIRCUIT_PROBE_MS)).toBe('probe')
    expect(circuit.permit(CIRCUIT_PROBE_MS)).toBe('refuse')
    circuit.failed(CIRCUIT_PROBE_MS + 1)
    expect(circuit.permit(2 * CIRCUIT_PROBE_MS)).toBe('probe')
    circuit.answered()
    expect(circuit.permit(2 * CIRCUIT_PROBE_MS)).toBe('ask')
  })

  test('keeps a pause that was asked for, though others are answered', () => {
    const circuit = new Circuit()
    circuit.failed(0, 2_000)
    circuit.failed(0, 1_000)
    circuit.answered()
    expect(circuit.permit(1_999)).toBe('refuse')
    expect(circuit.waitMs(500)).toBe(1_500)
    expect(circuit.permit(2_000)).toBe('ask')
    expect(circuit.waitMs(2_000)).toBe(0)
  })

  test('says how long it is until the next try', () => {
    expect(opened(100).waitMs(100)).toBe(CIRCUIT_PROBE_MS)
    expect(opened(100).waitMs(100 + CIRCUIT_PROBE_MS)).toBe(0)
  })
})
