import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { readYaml, refused, tooLarge, YAML_BYTES_MAX, type YamlDocument } from './yaml-document.ts'

/** The document of a file. One that cannot be read is a document with that problem. Never throws. */
export async function readYamlFile(path: string): Promise<YamlDocument> {
  try {
    const { size } = await stat(path)
    return size > YAML_BYTES_MAX ? tooLarge(size) : decoded(await readFile(path))
  } catch (error) {
    return unreadable(error)
  }
}

/** The same before anything runs that could be kept waiting. */
export function readYamlFileSync(path: string): YamlDocument {
  try {
    const { size } = statSync(path)
    return size > YAML_BYTES_MAX ? tooLarge(size) : decoded(readFileSync(path))
  } catch (error) {
    return unreadable(error)
  }
}

function decoded(bytes: Uint8Array): YamlDocument {
  return readYaml(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
}

/** By what the system, or the decoder, calls the error. */
const MENDS: Readonly<Record<string, string>> = {
  ENOENT: 'check the path',
  EISDIR: 'name a file in it',
  EACCES: 'let the user of this process read it',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'save it as UTF-8',
}

function unreadable(error: unknown): YamlDocument {
  if (!(error instanceof Error && 'code' in error)) throw error
  const mend = MENDS[String(error.code)] ?? 'check that it is a readable file'
  const message = `cannot be read: ${error.message}: ${mend}`
  return refused({ path: [], line: 0, column: 0, code: 'file_unreadable', message })
}
