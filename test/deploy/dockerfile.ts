/** One instruction. `words` are the arguments: the elements of the exec form, or the text split at spaces. */
export interface Step {
  readonly instruction: string
  /** `--name=value` before the arguments. */
  readonly flags: ReadonlyMap<string, string>
  readonly text: string
  readonly words: readonly string[]
  /** Whether the arguments are a JSON list, which runs without a shell. */
  readonly isExec: boolean
}

export interface Stage {
  readonly base: string
  readonly name: string | undefined
  readonly steps: readonly Step[]
}

/** The stages of a Dockerfile, as far as this repository uses the format. */
export function readDockerfile(text: string): Stage[] {
  const stages: { base: string; name: string | undefined; steps: Step[] }[] = []
  for (const line of logicalLines(text)) {
    const step = readStep(line)
    if (step.instruction === 'FROM') {
      const [base = '', as, name] = step.words
      stages.push({ base, name: as?.toUpperCase() === 'AS' ? name : undefined, steps: [] })
      continue
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error(`"${line}" stands before the first FROM`)
    stage.steps.push(step)
  }
  return stages
}

/** Comments are whole lines, also between continued ones. */
function logicalLines(text: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
}

function readStep(line: string): Step {
  const [instruction = '', ...rest] = line.trim().split(/\s+/)
  const flags = new Map<string, string>()
  let text = line.trim().slice(instruction.length).trim()
  for (const word of rest) {
    const [, name, value = ''] = /^--([a-z-]+)(?:=(.*))?$/.exec(word) ?? []
    if (name === undefined) break
    flags.set(name, value)
    text = text.slice(word.length).trim()
  }
  const exec = execForm(instruction === 'HEALTHCHECK' ? text.replace(/^CMD\s+/, '') : text)
  const words = exec ?? text.split(/\s+/)
  return { instruction, flags, text, words, isExec: exec !== undefined }
}

function execForm(text: string): string[] | undefined {
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : undefined
}

/** What a stage's last word on each matter makes of the image. */
export class Image {
  readonly stage: Stage

  constructor(stages: readonly Stage[]) {
    const last = stages.at(-1)
    if (last === undefined) throw new Error('the Dockerfile has no stage')
    this.stage = last
  }

  /** The last step of this instruction. */
  last(instruction: string): Step | undefined {
    return this.stage.steps.filter((step) => step.instruction === instruction).at(-1)
  }

  get environment(): Readonly<Record<string, string>> {
    const words = this.stage.steps.flatMap((step) =>
      step.instruction === 'ENV' ? step.words.map((word) => word.split('=')) : [],
    )
    return Object.fromEntries(words.map(([name = '', ...value]) => [name, value.join('=')]))
  }

  get exposed(): readonly number[] {
    return this.#words('EXPOSE').map(Number)
  }

  get user(): string {
    return this.last('USER')?.text ?? 'root'
  }

  get workFolder(): string {
    return this.last('WORKDIR')?.text ?? '/'
  }

  get entrypoint(): readonly string[] {
    return this.#words('ENTRYPOINT')
  }

  get command(): readonly string[] {
    return this.#words('CMD')
  }

  get healthCheck(): readonly string[] {
    return this.#words('HEALTHCHECK')
  }

  /** Folders made by `install -d`, with `owner:group` of each. */
  get folders(): ReadonlyMap<string, string> {
    const made = this.stage.steps
      .filter((step) => step.instruction === 'RUN')
      .flatMap(({ text }) => [...text.matchAll(/install -d -o (\d+) -g (\d+) -m \d+ (\S+)/g)])
    return new Map(made.map(([, owner, group, path = '']) => [path, `${owner}:${group}`]))
  }

  #words(instruction: string): readonly string[] {
    return this.last(instruction)?.words ?? []
  }
}
