import { isLoopback, readPeerAddress } from '../../cluster/libp2p/peer-address.ts'
import { type Placed, renderMistakes } from '../diagnostic.ts'
import { isLocal, parseListenAddress } from '../http/listen.ts'
import {
  flagOf,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
  type ServerOptions,
  variableOf,
} from '../options.ts'
import { nearestWord } from '../suggestion.ts'
import { readConfigFile, type Written } from './config-file.ts'
import { OPTION_READERS, OptionMistake } from './option-readers.ts'
import { workerContradictions } from './worker-plan.ts'

/** Where options come from, the stronger source first; the `config` file and defaults come last. */
export interface Sources {
  /** As written on the command line, by option name. `config` is the path of the file. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly variables: Readonly<Record<string, string | undefined>>
}

export interface Configuration {
  readonly options: ServerOptions
  /** What is odd but no reason not to start. */
  readonly warnings: readonly Placed[]
}

/** The options cannot be used. The message lists every problem, one per line, with its place and code. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'

  constructor(problems: readonly Placed[]) {
    super(renderMistakes(problems))
  }
}

/** The option that names the file of options; only as a flag or a variable. */
export const CONFIG = 'config'

/** Flag before variable before file before default. Throws `OptionsError`. */
export function configure(sources: Sources): Configuration {
  const configPath = flag(sources, CONFIG)?.text ?? variable(sources, CONFIG)?.text
  const file = configPath === undefined ? undefined : readConfigFile(configPath)
  const problems = [...(file?.problems ?? [])]
  const read = <K extends OptionName>(name: K): ServerOptions[K] | undefined => {
    const written = flag(sources, name) ?? variable(sources, name) ?? file?.options.get(name)
    try {
      return OPTION_READERS[name](written?.text ?? OPTIONS[name].fallback)
    } catch (error) {
      if (!(error instanceof OptionMistake)) throw error
      const place = written?.place ?? `the default of ${flagOf(name)}`
      problems.push({ place: `${place}:`, code: error.code, message: error.message })
      return undefined
    }
  }
  const values = Object.fromEntries(OPTION_NAMES.map((name) => [name, read(name)]))
  if (problems.length > 0) throw new OptionsError(problems)
  // Without problems every option has been read by its own reader.
  const options = values as unknown as ServerOptions
  const contradictions = contradictionsIn(options)
  if (contradictions.length > 0) throw new OptionsError(contradictions)
  return { options, warnings: unknownVariables(sources.variables) }
}

function flag({ flags }: Sources, name: string): Written | undefined {
  const text = flags[name]
  return text === undefined ? undefined : { text, place: flagOf(name) }
}

/** An empty variable is as good as none: that is how many tools unset one. */
function variable({ variables }: Sources, name: string): Written | undefined {
  const text = variables[variableOf(name)]
  return text === undefined || text === '' ? undefined : { text, place: variableOf(name) }
}

/** What only the options together can tell. */
function contradictionsIn(options: ServerOptions): Placed[] {
  const { rules, peerListen, secretFile, seeds } = options
  const problems: Placed[] = [...doorContradictions(options), ...workerContradictions(options)]
  const told = (name: OptionName, code: Placed['code'], message: string) =>
    problems.push({ place: `${flagOf(name)}:`, code, message })
  if (rules === null) {
    const mend = `pass ${flagOf('rules')} <file> or set ${variableOf('rules')}`
    told('rules', 'rules_missing', `no rules: ${mend}`)
  }
  if (peerListen !== null && secretFile === null && !isLoopback(readPeerAddress(peerListen))) {
    told(
      'peerListen',
      'secret_missing',
      `"${peerListen}" can be reached from other machines, and without a shared key anybody could join: make one with "weir keygen --out secret.key" and pass ${flagOf('secretFile')} secret.key, or listen on 127.0.0.1`,
    )
  }
  if (peerListen === null && seeds.length > 0) {
    const message = `a node with ${flagOf('peerListen')} none joins nobody: leave one of them out`
    told('seeds', 'seeds_without_peers', message)
  }
  return problems
}

function doorContradictions(options: ServerOptions): Placed[] {
  const { admin, adminTokenFile, tlsCert, tlsKey, tlsClientCa } = options
  const problems: Placed[] = []
  const told = (name: OptionName, code: Placed['code'], message: string) =>
    problems.push({ place: `${flagOf(name)}:`, code, message })
  if (adminTokenFile === null && !isLocal(parseListenAddress(admin))) {
    told(
      'admin',
      'admin_token_missing',
      `other machines can reach "${admin}", and without a token anybody could read and reset keys: make one with "openssl rand -hex 32 > admin.token" and pass ${flagOf('adminTokenFile')} admin.token, or listen on 127.0.0.1 or a Unix socket`,
    )
  }
  if ((tlsCert === null) !== (tlsKey === null)) {
    const [given, missing] =
      tlsKey === null ? (['tlsCert', 'tlsKey'] as const) : (['tlsKey', 'tlsCert'] as const)
    told(given, 'tls_incomplete', `${flagOf(missing)} is missing: give both or none`)
  }
  if (tlsClientCa !== null && tlsCert === null && tlsKey === null) {
    const mend = `give ${flagOf('tlsCert')} and ${flagOf('tlsKey')}`
    told('tlsClientCa', 'tls_incomplete', `without TLS nobody shows a certificate: ${mend}`)
  }
  return problems
}

function unknownVariables(variables: Sources['variables']): Placed[] {
  const known = [...OPTION_NAMES, CONFIG].map(variableOf)
  return Object.keys(variables)
    .filter((name) => name.startsWith('WEIR_') && !known.includes(name))
    .map((name) => {
      const nearest = nearestWord(name, known)
      const mend = nearest === undefined ? ': unset it' : ` (did you mean ${nearest}?)`
      const message = `the variable is unknown and has no effect${mend}`
      return { place: `${name}:`, code: 'variable_unknown', message }
    })
}
