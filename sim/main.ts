import { EXIT_CODES } from '../src/cli/exit-code.ts'
import { processTerminal } from '../src/cli/terminal.ts'
import { simulate } from './command/program.ts'
import { processScreen } from './command/screen.ts'

const calling = { caller: 'npm run sim --', screen: processScreen() }
process.exitCode = EXIT_CODES[await simulate(process.argv.slice(2), processTerminal(), calling)]
