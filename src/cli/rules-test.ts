import { Ajv } from 'ajv'
import { Type } from 'typebox'
import { type Finding, type Problem, placeIn, renderMistakes } from '../diagnostic.ts'
import type { DiagnosticCode } from '../diagnostic-code.ts'
import { queryReader } from '../http/field-readers.ts'
import { parseDuration } from '../rules/duration.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import { parseTime } from '../rules/time.ts'
import { schemaFinding } from '../rules/validate.ts'
import { locateFinding } from '../yaml-document.ts'
import { readYamlFile } from '../yaml-file.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { Rehearsal, type Rehearsed } from './rehearsal.ts'
import { loadRulesOrFail } from './rules.ts'
import type { Terminal } from './terminal.ts'

const KEYS_MAX = 100_000
const REPEATS_MAX = 100_000
const DEFAULT_START = '2026-01-01T00:00:00Z'

const Text = Type.String({ title: 'text' })
const Values = Type.Unsafe<Record<string, string>>({
  type: 'object',
  title: 'a mapping of names to text',
  additionalProperties: { type: 'string', title: 'text' },
})

const Request = Type.Object(
  {
    at: Type.Optional(
      Type.String({
        title: 'a time since the start such as 0s, 500ms or 90s',
        pattern: '^(0|[1-9][0-9]*)(ms|s|m|h|d)$',
      }),
    ),
    rule: Type.Optional(Text),
    key: Type.Optional(Text),
    cost: Type.Optional(
      Type.Integer({ title: 'a whole number from 1', minimum: 1, maximum: 2 ** 32 - 1 }),
    ),
    method: Type.Optional(Text),
    path: Type.Optional(Text),
    host: Type.Optional(Text),
    ip: Type.Optional(Text),
    header: Type.Optional(Values),
    query: Type.Optional(Values),
    cookie: Type.Optional(Values),
    descriptor: Type.Optional(Values),
    times: Type.Optional(
      Type.Integer({
        title: `a whole number from 1 to ${REPEATS_MAX}`,
        minimum: 1,
        maximum: REPEATS_MAX,
      }),
    ),
    expect: Type.Enum(['allow', 'deny'], {
      type: 'string',
      title: 'allow or deny',
      examples: ['allow'],
    }),
  },
  { title: 'a request with expect', additionalProperties: false },
)

const TestFile = Type.Object(
  {
    start: Type.Optional(Text),
    requests: Type.Array(Request, {
      title: 'a list of requests',
      minItems: 1,
      examples: [[{ at: '0s', path: '/', expect: 'allow' }]],
    }),
  },
  { title: 'a mapping with requests', additionalProperties: false },
)

type TestShape = Type.Static<typeof TestFile>
type RequestShape = TestShape['requests'][number]

const validate = new Ajv({ allErrors: true, verbose: true }).compile<TestShape>(TestFile)

/** `weir rules test`: whether the rules decide a list of requests at virtual times as is expected of them. */
export async function testRules(
  rulesFile: string,
  testFile: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const book = await loadRulesOrFail(rulesFile)
  const { requests, startMs, placeOf } = await readTest(testFile)
  const rehearsal = new Rehearsal(book, startMs, KEYS_MAX)
  let sinceStartMs = 0
  let failures = 0
  for (const [index, request] of requests.entries()) {
    sinceStartMs = Math.max(sinceStartMs, msOf(request.at) ?? sinceStartMs)
    for (let time = 1; time <= (request.times ?? 1); time++) {
      const result = rehearse(rehearsal, request, startMs + sinceStartMs)
      const mistake = mistakeOf(result, request)
      if (mistake === undefined) continue
      failures++
      const which = time > 1 ? ` (time ${time})` : ''
      terminal.print(`${placeOf(index)} ${mistake}${which}`)
      break
    }
  }
  const total = `${requests.length} ${requests.length === 1 ? 'request' : 'requests'}`
  terminal.print(
    failures === 0 ? `${total} as expected` : `${failures} of ${total} not as expected`,
  )
  return failures === 0 ? 'ok' : 'failure'
}

function rehearse(rehearsal: Rehearsal, request: RequestShape, atMs: number) {
  const { rule, key } = request
  if (rule === undefined || key === undefined) return rehearsal.request(factsOf(request), atMs)
  return rehearsal.named(rule, key, factsOf(request), request.cost, atMs)
}

function mistakeOf(result: Rehearsed | undefined, { expect, rule }: RequestShape) {
  if (result === undefined) return `rule ${JSON.stringify(rule)} is not defined`
  if (result.allowed === (expect === 'allow')) return undefined
  const { matched, refusals } = result
  if (!result.allowed) {
    const by = refusals.filter(({ isShadow }) => !isShadow)
    return `expected allow, but denied by ${by.map(({ rule, key }) => `${rule} for ${JSON.stringify(key)}`).join(' and ')}`
  }
  if (matched.length === 0) return 'expected deny, but it falls under no rule'
  const under = matched.map(({ rule, key }) => `${rule} for ${JSON.stringify(key)}`)
  return `expected deny, but allowed by ${under.join(' and ')}`
}

function factsOf(request: RequestShape): RequestFacts {
  const { method, path, host, ip } = request
  const reader = (values: Record<string, string> | undefined, lower = false) => {
    const known = new Map(
      Object.entries(values ?? {}).map(([name, value]) => [
        lower ? name.toLowerCase() : name,
        value,
      ]),
    )
    return (name: string) => known.get(name)
  }
  const written = queryReader(path)
  const query = reader(request.query)
  return {
    method,
    path,
    host,
    ip,
    header: reader(request.header, true),
    query: (name) => query(name) ?? written(name),
    cookie: reader(request.cookie),
    descriptor: reader(request.descriptor),
  }
}

/** Milliseconds; a duration of the rules is never nothing, a time since the start may be. */
function msOf(at: string | undefined): number | undefined {
  if (at === undefined) return undefined
  return /^0\D/.test(at) ? 0 : parseDuration(at)
}

interface Test {
  readonly requests: readonly RequestShape[]
  readonly startMs: number
  placeOf(index: number): string
}

async function readTest(file: string): Promise<Test> {
  const document = await readYamlFile(file)
  if (document.problems.length > 0) throw unusable(file, document.problems)
  const located = (finding: Finding) => locateFinding(document, finding)
  const { value } = document
  if (!validate(value)) {
    throw unusable(file, (validate.errors ?? []).flatMap(schemaFinding).map(located))
  }
  const startMs = parseTime(value.start ?? DEFAULT_START)
  const findings = [
    ...(startMs === undefined
      ? [
          told(
            'time_malformed',
            ['start'],
            `start is not a time: write it such as ${DEFAULT_START}`,
          ),
        ]
      : []),
    ...value.requests.flatMap((request, index) =>
      requestFindings(['requests', `${index}`], request),
    ),
  ]
  if (findings.length > 0 || startMs === undefined) throw unusable(file, findings.map(located))
  return {
    requests: value.requests,
    startMs,
    placeOf(index) {
      const { line, column } = document.locate(['requests', `${index}`], 'value')
      return `${file}:${line}:${column}`
    },
  }
}

function requestFindings(path: readonly string[], request: RequestShape): Finding[] {
  const { at, rule, key, cost } = request
  const findings: Finding[] = []
  if (at !== undefined && msOf(at) === undefined) {
    const message = `at ${JSON.stringify(at)} is longer than a year: shorten it`
    findings.push(told('duration_too_long', [...path, 'at'], message))
  }
  if ((rule === undefined) !== (key === undefined)) {
    findings.push(told('property_alone', path, 'rule and key go together: give both or none'))
  }
  if (cost !== undefined && rule === undefined) {
    const message = 'cost is for checks that name a rule: remove it'
    findings.push(told('property_alone', [...path, 'cost'], message))
  }
  return findings
}

function told(code: DiagnosticCode, path: readonly string[], message: string): Finding {
  return { path, at: 'value', code, message }
}

function unusable(file: string, problems: readonly Problem[]): CommandError {
  const lines = renderMistakes(problems.map((problem) => placeIn(file, problem)))
  return new CommandError(`the test cannot be used\n${lines}`, { exit: 'configuration' })
}
