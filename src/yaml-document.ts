import {
  Composer,
  type CST,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  visit,
  type YAMLError,
} from 'yaml'
import { type Finding, type Path, type Problem, quote } from './diagnostic.ts'
import type { DiagnosticCode } from './diagnostic-code.ts'

/** Bytes of one YAML file, about twice what the largest valid rules file needs. */
export const YAML_BYTES_MAX = 256 * 1024
/** Levels of nesting; the deepest valid file has six. Composing is recursive, so this guards the stack. */
export const YAML_NESTING_MAX = 32

/**
 * One YAML 1.2 document as plain values, every value with its place in the text. Aliases and tags are
 * refused: a configuration says what it says, without bombs and without surprises. Never throws.
 */
export interface YamlDocument {
  readonly value: unknown
  /** Mistakes of syntax. When there are any, `value` is not worth looking at. */
  readonly problems: readonly Problem[]
  locate(path: Path, at: 'key' | 'value'): Place
}

export interface Place {
  readonly line: number
  readonly column: number
}

/** Where a finding stands in the text of the document. */
export function locateFinding(document: YamlDocument, finding: Finding): Problem {
  const { path, at, code, message } = finding
  return { path, ...document.locate(path, at), code, message }
}

export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problemAt: ProblemAt = (offset, code, message) => {
    return { path: [], ...placeAt(offset), code, message }
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > YAML_BYTES_MAX) return tooLarge(bytes)
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const tooDeep = offsetBelow(tokens, YAML_NESTING_MAX)
  if (tooDeep !== undefined) {
    const message = `nested deeper than ${YAML_NESTING_MAX} levels: take levels out`
    return refused(problemAt(tooDeep, 'nested_too_deep', message))
  }
  // Duplicate keys are found below: the composer's own search compares every key with every other.
  const composer = new Composer({ uniqueKeys: false, resolveKnownTags: false, logLevel: 'silent' })
  const [document, second] = composer.compose(tokens, true, text.length)
  if (document === undefined) throw new Error('the parser made no document of a text')
  const problems = [
    ...[...document.errors, ...document.warnings].map((error) => syntaxProblem(error, problemAt)),
    ...refusedNodes(document, problemAt),
  ]
  if (second !== undefined) {
    const message = 'a second document: keep one document per file'
    problems.push(problemAt(second.range[0], 'yaml_unsupported', message))
  }
  return {
    value: problems.length === 0 ? document.toJS() : undefined,
    problems: problems.sort((a, b) => a.line - b.line || a.column - b.column),
    locate: (path, at) => placeAt(offsetOf(document.contents, path, at)),
  }
}

/** In place of a file that has not been read, or not as a whole. */
export function refused(problem: Problem): YamlDocument {
  return {
    value: undefined,
    problems: [problem],
    locate: () => ({ line: problem.line, column: problem.column }),
  }
}

export function tooLarge(bytes: number): YamlDocument {
  const message = `is ${bytes} bytes; at most ${YAML_BYTES_MAX} are read: shorten it`
  return refused({ path: [], line: 1, column: 1, code: 'file_too_large', message })
}

type ProblemAt = (offset: number, code: DiagnosticCode, message: string) => Problem

/** Where the parser's own words tell only what is wrong. */
const SYNTAX_MENDS: Partial<Record<ErrorCode, string>> = {
  BAD_DQ_ESCAPE: 'write the backslash twice, or use single quotes',
  BAD_INDENT: 'align it with its neighbours, or move it further in',
  BAD_SCALAR_START: 'put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'begin a new line, or put the value in quotes',
  BLOCK_IN_FLOW: 'write it within the brackets',
  MISSING_CHAR: 'add what is missing',
  MULTILINE_IMPLICIT_KEY: 'write "name: value", the name on one line',
  TAB_AS_INDENT: 'use spaces',
  UNEXPECTED_TOKEN: 'remove it, or put the value in quotes',
}

function syntaxProblem({ code, message, pos: [at] }: YAMLError, problemAt: ProblemAt): Problem {
  const mend = SYNTAX_MENDS[code] ?? 'write it in another way'
  return problemAt(at, 'yaml_syntax', `${message}: ${mend}`)
}

/** What YAML allows and a configuration should not hold. */
function refusedNodes(document: Document, problemAt: ProblemAt): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Node(_, node) {
      const offset = startOf(node)
      if (isAlias(node)) {
        const message = `alias "*${node.source}" is not supported: write it out`
        problems.push(problemAt(offset, 'yaml_unsupported', message))
      } else if (node.tag !== undefined) {
        const message = `tag ${quote(node.tag)} is not supported: leave it out`
        problems.push(problemAt(offset, 'yaml_unsupported', message))
      }
    },
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const name = keyName(key)
        if (seen.has(name)) {
          const message = `duplicate property ${quote(name)}: keep one`
          problems.push(problemAt(startOf(key), 'duplicate_property', message))
        }
        seen.add(name)
      }
    },
  })
  return problems
}

/** The offset of something nested deeper than `levels`, found without recursion. */
function offsetBelow(tokens: readonly CST.Token[], levels: number): number | undefined {
  let level: readonly CST.Token[] = tokens
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return level[0]?.offset
    level = level.flatMap(childrenOf)
  }
  return undefined
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value ? [token.value] : []
  if (!('items' in token)) return []
  return token.items.flatMap((item) => [item.key, item.value].filter((part) => part != null))
}

/** Where the value at `path` begins, or its key; where a step is missing, the last one that exists. */
function offsetOf(root: Node | null, path: Path, at: 'key' | 'value'): number {
  let node: unknown = root
  let key: unknown
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => keyName(item.key) === step)
      if (pair === undefined) return startOf(node)
      key = pair.key
      node = pair.value
    } else if (isSeq(node)) {
      key = undefined
      node = node.items[Number(step)]
    }
  }
  return startOf(at === 'key' && key !== undefined ? key : node)
}

function keyName(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}
