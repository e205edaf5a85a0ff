import {
  Composer,
  type CST,
  type Document,
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
import { type Path, type Problem, quote } from './diagnostic.ts'

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

export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problemAt = (offset: number, message: string): Problem => {
    return { path: [], ...placeAt(offset), message }
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > YAML_BYTES_MAX) {
    return refused(problemAt(0, `is ${bytes} bytes; at most ${YAML_BYTES_MAX} are read`))
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  const tooDeep = offsetBelow(tokens, YAML_NESTING_MAX)
  if (tooDeep !== undefined) {
    return refused(problemAt(tooDeep, `nested deeper than ${YAML_NESTING_MAX} levels`))
  }
  // Duplicate keys are found below: the composer's own search compares every key with every other.
  const composer = new Composer({ uniqueKeys: false, resolveKnownTags: false, logLevel: 'silent' })
  const [document, second] = composer.compose(tokens, true, text.length)
  if (document === undefined) return refused(problemAt(0, 'is empty'))
  const problems = [
    ...[...document.errors, ...document.warnings].map((error) => syntaxProblem(error, problemAt)),
    ...refusedNodes(document, problemAt),
  ]
  if (second !== undefined) {
    problems.push(problemAt(second.range[0], 'a second document: keep one document per file'))
  }
  return {
    value: problems.length === 0 ? document.toJS() : undefined,
    problems: problems.sort((a, b) => a.line - b.line || a.column - b.column),
    locate: (path, at) => placeAt(offsetOf(document.contents, path, at)),
  }
}

function refused(problem: Problem): YamlDocument {
  return {
    value: undefined,
    problems: [problem],
    locate: () => ({ line: problem.line, column: problem.column }),
  }
}

type ProblemAt = (offset: number, message: string) => Problem

function syntaxProblem(error: YAMLError, problemAt: ProblemAt): Problem {
  const mend = error.code === 'TAB_AS_INDENT' ? ': use spaces' : ''
  return problemAt(error.pos[0], `${error.message}${mend}`)
}

/** What YAML allows and a configuration should not hold. */
function refusedNodes(document: Document, problemAt: ProblemAt): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Node(_, node) {
      const offset = startOf(node)
      if (isAlias(node)) {
        problems.push(problemAt(offset, `alias "*${node.source}" is not supported: write it out`))
      } else if (node.tag !== undefined) {
        problems.push(problemAt(offset, `tag ${quote(node.tag)} is not supported: leave it out`))
      }
    },
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const name = keyName(key)
        if (seen.has(name)) {
          problems.push(problemAt(startOf(key), `duplicate property ${quote(name)}: keep one`))
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
