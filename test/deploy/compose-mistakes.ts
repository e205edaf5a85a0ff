import { posix } from 'node:path'
import {
  type ComposeFile,
  readPort,
  readVolume,
  type Service,
  shapeMistakes,
} from './compose-file.ts'
import type { Image } from './dockerfile.ts'
import { unless } from './mistake.ts'
import { nodeMistakes, seedMistakes } from './node-mistakes.ts'
import { repository } from './repository-files.ts'

/** What is wrong with the compose file, for this image and this repository. */
export function composeMistakes(compose: ComposeFile, image: Image): string[] {
  const shape = shapeMistakes(compose)
  if (shape.length > 0) return shape
  const services = Object.entries(compose.services)
  const nodes = new Map(weirNodes(compose))
  return [
    ...services.flatMap(([name, service]) =>
      [...guardMistakes(service, compose), ...imageMistakes(service, nodes.has(name))].map(
        (mistake) => `${name}: ${mistake}`,
      ),
    ),
    ...[...nodes].flatMap(([name, service]) => nodeMistakes(name, service, { compose, image })),
    ...seedMistakes(nodes, image),
    ...sharingMistakes(services),
    ...sourceMistakes(compose),
  ]
}

/** The services that run the image which is built here. */
export function weirNodes(compose: ComposeFile): [string, Service][] {
  const services = Object.entries(compose.services)
  const built = services.filter(([, { build }]) => build !== undefined).map(([, it]) => it.image)
  return services.filter(([, { image }]) => built.includes(image))
}

function guardMistakes(service: Service, compose: ComposeFile): string[] {
  const ports = (service.ports ?? []).map(readPort)
  const volumes = (service.volumes ?? []).map(readVolume)
  return [
    ...unless(service.restart === 'unless-stopped', 'it does not come back by itself'),
    ...unless(service.read_only, 'its file system can be written'),
    ...unless(service.cap_drop.includes('ALL'), 'it keeps capabilities'),
    ...unless(service.security_opt.includes('no-new-privileges:true'), 'it may gain privileges'),
    ...unless(!/^(root|0)(:|$)/.test(service.user ?? 'image'), 'it runs as root'),
    ...unless(
      ports.every((port) => port?.address === '127.0.0.1'),
      'a port is published beyond this machine',
    ),
    ...volumes.flatMap(({ source, target, readOnly, isFolder }) => {
      if (isFolder) return unless(readOnly, `${target} writes into the repository`)
      return unless(source in compose.volumes, `the volume ${source} is not declared`)
    }),
    ...(service.secrets ?? []).flatMap((name) =>
      unless(name in compose.secrets, `the secret ${name} is not declared`),
    ),
    ...(service.configs ?? []).flatMap(({ source }) =>
      unless(source in compose.configs, `the config ${source} is not declared`),
    ),
  ]
}

function imageMistakes({ image, build }: Service, isOurs: boolean): string[] {
  if (!isOurs) {
    return unless(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/.test(image), `${image} is not pinned`)
  }
  if (build === undefined) return []
  return unless(
    build.context === '.' && repository.has(build.dockerfile),
    `${build.dockerfile} cannot be built from ${build.context}`,
  )
}

/** Two services never have the same port or the same named volume. */
function sharingMistakes(services: readonly [string, Service][]): string[] {
  const taken = new Map<string, string>()
  return services.flatMap(([name, { ports = [], volumes = [] }]) => {
    const named = volumes.map(readVolume).filter(({ isFolder }) => !isFolder)
    const things = [
      ...ports.map((port) => `port ${readPort(port)?.published}`),
      ...named.map(({ source }) => `volume ${source}`),
    ]
    return things.flatMap((thing) => {
      const owner = taken.get(thing)
      taken.set(thing, name)
      return unless(owner === undefined, `${name}: it shares ${thing} with ${owner}`)
    })
  })
}

/** Files of the repository that are mounted; the secret is not one of them, and must never become one. */
function sourceMistakes(compose: ComposeFile): string[] {
  const configs = Object.values(compose.configs).map(({ file }) => file)
  const mounted = Object.values(compose.services)
    .flatMap(({ volumes = [] }) => volumes.map(readVolume))
    .filter(({ isFolder }) => isFolder)
    .map(({ source }) => source)
  const used = new Set(
    Object.values(compose.services).flatMap(({ volumes = [], secrets = [], configs: own = [] }) => [
      ...volumes.map((volume) => `volume ${readVolume(volume).source}`),
      ...secrets.map((name) => `secret ${name}`),
      ...own.map(({ source }) => `config ${source}`),
    ]),
  )
  const declared = [
    ...Object.keys(compose.volumes).map((name) => `volume ${name}`),
    ...Object.keys(compose.secrets).map((name) => `secret ${name}`),
    ...Object.keys(compose.configs).map((name) => `config ${name}`),
  ]
  return [
    ...[...configs, ...mounted].flatMap((path) =>
      unless(repository.has(path), `${path} is not in the repository`),
    ),
    ...Object.values(compose.secrets).flatMap(({ file }) => [
      ...unless(repository.isKeptFromHistory(posix.normalize(file)), `${file} could be committed`),
      ...unless(repository.isKeptFromBuild(file), `${file} could end up in an image`),
    ]),
    ...declared.flatMap((it) => unless(used.has(it), `${it} is declared and not used`)),
  ]
}
