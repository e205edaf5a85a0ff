import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { Logger } from 'pino'
import { BearerTokens, parseTokens } from '../bearer-token.ts'
import {
  type Certificate,
  type CertificateFiles,
  readCertificate,
  validUntil,
} from './certificate.ts'
import { CREDENTIALS_LOOK_MS } from './limits.ts'

/** Secrets are given by file only. */
export interface CredentialFiles {
  /** Tokens that open the admin door, one a line. */
  readonly adminToken?: string | undefined
  /** With it the doors on TCP speak TLS; Unix sockets never do. */
  readonly certificate?: CertificateFiles | undefined
}

/**
 * What the doors prove themselves by, and what opens them. The files are read again when they change and when
 * they are asked to be; what is bad then is logged, and what was read before stays in use. Connections
 * that are open stay open.
 */
export class Credentials {
  readonly #files: CredentialFiles
  readonly #log: Logger
  readonly #servers = new Set<TlsServer>()
  #tokens: BearerTokens | undefined
  #certificate: Certificate | undefined
  #reading: Promise<void> = Promise.resolve()

  /** @throws Error that names the file which cannot be used. */
  static async read(files: CredentialFiles, log: Logger): Promise<Credentials> {
    const credentials = new Credentials(files, log)
    await credentials.#readTokens()
    await credentials.#readCertificate()
    for (const path of credentials.#paths()) {
      // Looks at what a name stands for, as mounted secrets change by a link, and not by a write.
      watchFile(path, { interval: CREDENTIALS_LOOK_MS, persistent: false }, credentials.#changed)
    }
    return credentials
  }

  private constructor(files: CredentialFiles, log: Logger) {
    this.#files = files
    this.#log = log
  }

  get tokens(): BearerTokens | undefined {
    return this.#tokens
  }

  get certificate(): Certificate | undefined {
    return this.#certificate
  }

  /** From now on the server is told of each new certificate. */
  attach(server: Server): void {
    if (server instanceof TlsServer) this.#servers.add(server)
  }

  /** Reads all files again. Never rejects; one after the other, if it is asked for several times. */
  renew(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      await this.#attempt('admin token', () => this.#readTokens())
      await this.#attempt('certificate', () => this.#readCertificate())
    })
    return this.#reading
  }

  close(): void {
    for (const path of this.#paths()) unwatchFile(path, this.#changed)
    this.#servers.clear()
  }

  readonly #changed = (): void => {
    void this.renew()
  }

  #paths(): string[] {
    const { adminToken, certificate } = this.#files
    const { cert, key, clientCa } = certificate ?? {}
    return [adminToken, cert, key, clientCa].filter((path) => path !== undefined)
  }

  async #attempt(what: string, read: () => Promise<object>): Promise<void> {
    try {
      const told = await read()
      if (Object.keys(told).length > 0) {
        this.#log.info({ event: 'credentials_renewed', what, ...told })
      }
    } catch (error) {
      this.#log.error(
        { event: 'credentials_refused', what, err: error },
        'the new files cannot be used: the old ones stay in use',
      )
    }
  }

  /** Returns what is worth a log line; nothing where there are no files. */
  async #readTokens(): Promise<object> {
    const { adminToken: path } = this.#files
    if (path === undefined) return {}
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (cause) {
      throw new Error(`admin token file ${path}: cannot be read`, { cause })
    }
    const tokens = parseTokens(text, `admin token file ${path}`)
    this.#tokens = new BearerTokens(tokens)
    return { tokens: tokens.length }
  }

  async #readCertificate(): Promise<object> {
    const { certificate: files } = this.#files
    if (files === undefined) return {}
    const certificate = await readCertificate(files)
    for (const server of this.#servers) server.setSecureContext(certificate)
    this.#certificate = certificate
    return { validUntil: validUntil(certificate) }
  }
}
