/**
 * Whether an ignore file leaves a path out: the last line that matches wins, `!` takes back, and a folder stands
 * for all in it. Enough of .dockerignore and .gitignore for the files here; paths are relative to the file.
 */
export function isIgnored(ignoreFile: string, path: string): boolean {
  const lines = ignoreFile.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const last = lines.filter((line) => asPattern(line.replace(/^!/, '')).test(path)).at(-1)
  return last !== undefined && !last.startsWith('!')
}

function asPattern(line: string): RegExp {
  const escaped = line.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')
  return new RegExp(`^${escaped}(/|$)`)
}
