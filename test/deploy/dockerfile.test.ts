import { describe, expect, test } from 'vitest'
import { Image, readDockerfile } from './dockerfile.ts'
import { dockerfileMistakes } from './dockerfile-mistakes.ts'
import { isIgnored } from './ignored.ts'
import { manifest, repository } from './repository-files.ts'

const text = repository.read('deploy/Dockerfile')

function mistakes(dockerfile: string): string[] {
  return dockerfileMistakes(readDockerfile(dockerfile), manifest)
}

/** The mistakes after one replacement, which must change something. */
function planted(search: string | RegExp, replacement: string): string[] {
  const changed = text.replace(search, replacement)
  expect(changed).not.toBe(text)
  return mistakes(changed)
}

const some = (words: string) => expect.arrayContaining([expect.stringContaining(words)])

describe('the Dockerfile', () => {
  test('has no mistake', () => expect(mistakes(text)).toEqual([]))

  test('makes an image that listens as the defaults of its options say', () => {
    const image = new Image(readDockerfile(text))
    expect(image.exposed).toEqual([8080, 4001])
    expect([...image.entrypoint, ...image.command].slice(2)).toEqual(['serve'])
    expect(image.folders.get(image.environment.WEIR_DATA_DIR ?? '')).toBe(image.user)
  })
})

describe('a planted mistake in the Dockerfile is seen', () => {
  test.each<[string, string | RegExp, string, string]>([
    ['an image that is not pinned', 'node:22-slim AS build', 'node AS build', 'no small image'],
    ['a missing source', 'COPY crdt crdt', 'COPY crtd crdt', 'COPY crtd: it is not in'],
    ['an ignored source', 'COPY crdt crdt', 'COPY test test', 'COPY test: .dockerignore'],
    ['a missing stage', '--from=build /app/dist/src', '--from=built /app/dist/src', 'called built'],
    ['a forgotten folder', /COPY --from=build \/app\/dist\/crdt.*\n/, '', 'dist/crdt/index.js is'],
    ['forgotten packages', /COPY --from=dependencies.*\n/, '', 'node_modules is not in the image'],
    [
      'another main file',
      '/app/dist/src/cli/main.js"]',
      '/app/dist/main.js"]',
      'the entry point is',
    ],
    ['no command weir', 'dist/src/cli/main.js /usr', 'dist/main.js /usr', 'the command weir'],
    [
      'a shell as process 1',
      /ENTRYPOINT .*/,
      'ENTRYPOINT node main.js',
      'ENTRYPOINT is not in exec',
    ],
    ['npm as process 1', /ENTRYPOINT .*/, 'ENTRYPOINT ["npm", "start"]', 'the entry point is'],
    ['another signal', 'USER ', 'STOPSIGNAL SIGKILL\nUSER ', 'SIGKILL does not end'],
    ['root', 'USER 1000:1000', 'USER root', 'the user root'],
    ['a user by name', 'USER 1000:1000', 'USER node', 'the user node'],
    ['no user', /USER .*\n/, '', 'the user root'],
    ['no health check', /HEALTHCHECK [\s\S]*?\n\n/, '\n', 'HEALTHCHECK is not in exec form'],
    ['curl', /\["node", "-e".*/, 'curl --fail http://127.0.0.1:8080/readyz', 'no curl'],
    ['an unknown variable', 'WEIR_DATA_DIR', 'WEIR_DATADIR', 'WEIR_DATADIR is no option'],
    ['an address that is none', '0.0.0.0:8080', '0.0.0.0', 'ENV WEIR_LISTEN'],
    ['packages by chance', 'npm ci --ignore', 'npm install --ignore', 'npm ci'],
    ['ADD', 'COPY src src', 'ADD src src', 'use COPY'],
  ])('%s', (_, search, replacement, words) => {
    expect(planted(search, replacement)).toEqual(some(words))
  })
})

describe('the build context', () => {
  test.each(['.git', 'node_modules', 'dist', 'test', 'deploy/secret.key', 'docker-compose.yml'])(
    'does not hold %s',
    (path) => expect(repository.isKeptFromBuild(path)).toBe(true),
  )

  test('would hold what the last matching line takes back', () => {
    expect(isIgnored('*', 'src/index.ts')).toBe(true)
    expect(isIgnored('*\n!src', 'src/index.ts')).toBe(false)
    expect(isIgnored('*\n!src', 'src2/index.ts')).toBe(true)
    expect(isIgnored('*.key\n# secret.txt\n', 'secret.txt')).toBe(false)
    expect(isIgnored('*.key', 'secret.key')).toBe(true)
  })
})
