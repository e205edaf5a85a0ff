import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'

// What of Compose is used here. A word that is not in this schema would be checked by nobody, so it is refused.

const closed = { additionalProperties: false }
const Text = Type.String({ minLength: 1 })
const Texts = Type.Array(Text)
const File = Type.Object({ file: Text }, closed)

const Service = Type.Object(
  {
    image: Text,
    build: Type.Optional(Type.Object({ context: Text, dockerfile: Text }, closed)),
    command: Type.Optional(Texts),
    user: Type.Optional(Text),
    environment: Type.Optional(Type.Record(Type.String(), Text)),
    ports: Type.Optional(Texts),
    volumes: Type.Optional(Texts),
    tmpfs: Type.Optional(Texts),
    secrets: Type.Optional(Texts),
    configs: Type.Optional(Type.Array(Type.Object({ source: Text, target: Text }, closed))),
    restart: Text,
    read_only: Type.Boolean(),
    cap_drop: Texts,
    security_opt: Texts,
    mem_limit: Type.String({ pattern: '^\\d+[mg]$' }),
    pids_limit: Type.Optional(Type.Integer()),
    stop_grace_period: Type.Optional(Type.String({ pattern: '^\\d+s$' })),
  },
  closed,
)

const ComposeFile = Type.Object(
  {
    services: Type.Record(Type.String(), Service),
    secrets: Type.Record(Type.String(), File),
    configs: Type.Record(Type.String(), File),
    volumes: Type.Record(Type.String(), Type.Null()),
  },
  closed,
)

export type ComposeFile = Static<typeof ComposeFile>
export type Service = Static<typeof Service>

/** The file with its anchors and merges resolved and its fragments (`x-…`) left out. */
export function readComposeFile(text: string): ComposeFile {
  const document: unknown = parse(text, { merge: true })
  const entries = Object.entries(document as object).filter(([name]) => !name.startsWith('x-'))
  return Object.fromEntries(entries) as ComposeFile
}

/** Where the document is not made as the schema says. */
export function shapeMistakes(document: unknown): string[] {
  return Value.Errors(ComposeFile, document).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** `address:published:target` of a port; all three must be there, or it is undefined. */
export function readPort(text: string) {
  const [, address, published, target] = /^([\d.]+):(\d+):(\d+)$/.exec(text) ?? []
  if (address === undefined) return undefined
  return { address, published: Number(published), target: Number(target) }
}

/** `source:target[:ro]`; a source that begins with a dot is a folder of the repository. */
export function readVolume(text: string) {
  const [source = '', target = '', mode] = text.split(':')
  return { source, target, readOnly: mode === 'ro', isFolder: source.startsWith('.') }
}

/** Bytes of `512m` or `1g`. */
export function readBytes(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith('g') ? 1024 ** 3 : 1024 ** 2)
}

/** The container path of a secret that is given by its name alone. */
export function secretPath(name: string): string {
  return `/run/secrets/${name}`
}
