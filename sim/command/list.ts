import { columns } from '../../src/cli/output.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { SCENARIOS } from '../scenarios/all.ts'
import { STUDIES } from '../studies/all.ts'

/** All that can be run, with a few words about each. */
export function listLines({ bold }: Pick<Terminal, 'bold'>): string[] {
  const scenarios = SCENARIOS.map(({ name, setting, story }) => [
    `  ${name}`,
    `${setting.nodes} nodes`,
    story,
  ])
  const studies = STUDIES.map(({ name, summary }) => [`  ${name}`, summary])
  return [
    bold('Scenarios'),
    ...columns(scenarios),
    ...(studies.length === 0 ? [] : ['', bold('Studies'), ...columns(studies)]),
  ]
}
