import { expect, test } from 'vitest'
import { machineSecondsIn, ownSecondsIn } from '../../bench/bystanders.ts'
import { processorsAllowed } from '../../bench/cores.ts'
import { runSecondsIn } from '../../bench/cpu-time.ts'
import { Microseconds } from '../../bench/microseconds.ts'

test('the processors that may be used are read from ranges and single numbers', () => {
  expect(processorsAllowed('Name:\tnode\nCpus_allowed_list:\t0-2,5\nThreads:\t1')).toEqual([
    0, 1, 2, 5,
  ])
  expect(processorsAllowed('Cpus_allowed_list:\t3\n')).toEqual([3])
})

test('processor time is the first number of a schedstat', () => {
  expect(runSecondsIn('1500000000 42 7\n')).toBe(1.5)
})

test('a percentile is the smallest latency that so many do not exceed', () => {
  const latency = new Microseconds()
  expect(latency.percentile(0.5)).toBe(0)
  for (let number = 1; number <= 100; number++) latency.add(number / 1_000)
  expect(latency.percentile(0.5)).toBe(50)
  expect(latency.percentile(0.99)).toBe(99)
  expect(latency.percentile(1)).toBe(100)
})

test('what the machine was busy with leaves out idling and waiting', () => {
  const stat = 'cpu  100 20 300 9999 8888 1 2 77 0 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n'
  expect(machineSecondsIn(stat)).toBe(5)
})

test('what this process used counts the children it has seen end, whatever its name', () => {
  const fields = 'R 1 2 3 4 5 6 7 8 9 10 100 200 300 400 20 0 7'
  expect(ownSecondsIn(`42 (node (a) b) ${fields}`)).toBe(10)
})
