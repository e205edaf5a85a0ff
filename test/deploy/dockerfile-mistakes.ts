import { posix } from 'node:path'
import { OPTION_READERS } from '../../src/cli/option-readers.ts'
import { OPTION_NAMES, variableOf } from '../../src/options.ts'
import { Image, type Stage, type Step } from './dockerfile.ts'
import { unless } from './mistake.ts'
import { type Manifest, repository } from './repository-files.ts'

/** What is wrong with the Dockerfile, for the files of this repository and its package's manifest. */
export function dockerfileMistakes(stages: readonly Stage[], manifest: Manifest): string[] {
  const image = new Image(stages)
  return [
    ...stages.flatMap(({ base }) =>
      unless(
        /^node:\d+-(slim|alpine)$/.test(base),
        `${base} is no small image of one major version`,
      ),
    ),
    ...stages.flatMap((stage, index) =>
      stage.steps.flatMap((step) => copyMistakes(step, stages.slice(0, index))),
    ),
    ...stages.flatMap(({ steps }) => steps.flatMap(toolMistakes)),
    ...processMistakes(image, manifest),
    ...userMistakes(image),
    ...variableMistakes(image),
    ...contentMistakes(image, manifest),
  ]
}

function copyMistakes({ instruction, flags, words }: Step, before: readonly Stage[]): string[] {
  if (instruction === 'ADD') return ['ADD fetches and unpacks: use COPY']
  if (instruction !== 'COPY') return []
  const from = flags.get('from')
  if (from !== undefined) {
    return unless(
      before.some(({ name }) => name === from),
      `no stage before is called ${from}`,
    )
  }
  return words
    .slice(0, -1)
    .flatMap((source) => [
      ...unless(repository.has(source), `COPY ${source}: it is not in the repository`),
      ...unless(!repository.isKeptFromBuild(source), `COPY ${source}: .dockerignore leaves it out`),
    ])
}

/** What the image or the lockfile does not have. */
function toolMistakes({ instruction, text }: Step): string[] {
  if (instruction !== 'RUN' && instruction !== 'HEALTHCHECK') return []
  return [
    ...unless(!/\b(curl|wget)\b/.test(text), `${instruction}: the image has no curl and no wget`),
    ...unless(!/\bnpm (i|install)\b/.test(text), 'RUN: npm ci installs what the lockfile says'),
  ]
}

/** Node is process 1: no shell in between that keeps SIGTERM for itself. */
function processMistakes(image: Image, manifest: Manifest): string[] {
  const main = posix.join(image.workFolder, manifest.bin.weir)
  const signal = image.last('STOPSIGNAL')?.text ?? 'SIGTERM'
  return [
    ...['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].flatMap((instruction) =>
      unless(image.last(instruction)?.isExec === true, `${instruction} is not in exec form`),
    ),
    ...unless(
      image.entrypoint.join(' ') === `node ${main}`,
      `the entry point is "${image.entrypoint.join(' ')}" and not "node ${main}"`,
    ),
    ...unless(
      image.stage.steps.some(({ text }) => text.startsWith(`ln -s ${main} /usr/local/bin/weir `)),
      'the command weir is not there for those who look into a container',
    ),
    ...unless(image.healthCheck[0] === 'node', 'the health check is no program of the image'),
    ...unless(signal === 'SIGTERM', `${signal} does not end a node in order`),
  ]
}

function userMistakes(image: Image): string[] {
  const numeric = /^[1-9]\d*:[1-9]\d*$/.test(image.user)
  return unless(numeric, `the user ${image.user} is root, or not a number that shows it is not`)
}

/** Options of the image are known, can be read, and hold without those of a cluster. */
function variableMistakes(image: Image): string[] {
  return Object.entries(image.environment).flatMap(([variable, value]) => {
    if (!variable.startsWith('WEIR_')) return []
    const name = OPTION_NAMES.find((option) => variableOf(option) === variable)
    if (name === undefined) return [`ENV ${variable} is no option`]
    try {
      OPTION_READERS[name](value)
      return []
    } catch (error) {
      return [`ENV ${variable}: ${error instanceof Error ? error.message : error}`]
    }
  })
}

/** Everything the package offers is in a folder that the image has. */
function contentMistakes(image: Image, { bin, exports }: Manifest): string[] {
  const copied = image.stage.steps
    .filter(({ instruction }) => instruction === 'COPY')
    .flatMap(({ words }) => {
      const target = posix.normalize(words.at(-1) ?? '')
      return target === './' ? words.slice(0, -1) : [target]
    })
  const offered = [bin.weir, ...Object.values(exports).flatMap(pathsOf)].map(posix.normalize)
  return [...offered, 'node_modules'].flatMap((path) =>
    unless(
      copied.some((place) => path === place || path.startsWith(`${place}/`)),
      `${path} is not in the image`,
    ),
  )
}

function pathsOf(target: Manifest['exports'][string]): string[] {
  return typeof target === 'string' ? [target] : Object.values(target)
}
