// `npm test`: install, build, lint, and every test; then one line that says how it went. Arguments after
// `--` go to vitest, so `npm test -- test/crdt` runs the tests of one folder.

import { build, install, StepFailed, step, tool } from './prepare.mjs'

/** What failed besides single tests: a step, or an error that no test caught. */
const failures = []

async function attempt(work) {
  try {
    await work()
    return true
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    failures.push(error.message)
    return false
  }
}

/** Runs vitest here and counts what it found. */
async function runTests(args) {
  const { parseCLI, startVitest } = await import('vitest/node')
  const { filter, options } = parseCLI(['vitest', 'run', ...args])
  const vitest = await startVitest('test', filter, options)
  const tally = { passed: 0, failed: 0, skipped: [] }
  for (const file of vitest.state.getTestModules()) {
    const place = file.relativeModuleId
    for (const part of [file, ...file.children.allSuites()]) {
      for (const error of part.errors()) failures.push(`${place}: ${error.message}`)
    }
    for (const test of file.children.allTests()) {
      const { state, note = 'no reason given' } = test.result()
      if (state === 'passed') tally.passed += 1
      else if (state === 'failed') tally.failed += 1
      else tally.skipped.push(`${place} > ${test.fullName}: ${note}`)
    }
  }
  for (const { message } of vitest.state.getUnhandledErrors())
    failures.push(`unhandled: ${message}`)
  if (tally.passed + tally.failed + tally.skipped.length === 0) failures.push('no test was found')
  await vitest.close()
  return tally
}

const prepared = await attempt(async () => {
  await install()
  await build()
})
let tally = { passed: 0, failed: 0, skipped: [] }
if (prepared) {
  await attempt(() =>
    step('linting', () => tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.')),
  )
  tally = await runTests(process.argv.slice(2))
}

for (const test of tally.skipped) console.log(`skipped: ${test}`)
for (const failure of failures) console.log(`failed: ${failure}`)
const failed = tally.failed + failures.length
const skipped = tally.skipped.length === 0 ? '' : `, ${tally.skipped.length} skipped`
console.log(`\n${tally.passed} passed, ${failed} failed${skipped}`)
if (failed > 0) process.exitCode = 1
