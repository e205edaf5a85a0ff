#!/usr/bin/env node
import { EXIT_CODES } from './exit-code.ts'
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

/** Whatever still keeps the process alive this long after the command has ended is cut. */
const LINGER_MS_MAX = 1_000

process.exitCode = EXIT_CODES[await run(process.argv.slice(2), processTerminal())]
setTimeout(() => process.exit(), LINGER_MS_MAX).unref()
