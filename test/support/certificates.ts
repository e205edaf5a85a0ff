import { spawnSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files of one certificate. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** An authority of its own, made by openssl in a folder of its own. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-tls-'))
  readonly cert = join(this.folder, 'ca.pem')
  readonly #key = join(this.folder, 'ca.key')

  constructor() {
    const name = ['-subj', '/CN=authority', '-addext', 'basicConstraints=critical,CA:TRUE']
    openssl('req', '-x509', ...KEY, '-keyout', this.#key, '-out', this.cert, '-days', '2', ...name)
  }

  /** A certificate for loopback, whose files are called `file`, and replaced if they are there. */
  issue(file: string, commonName: string): Issued {
    const at = (suffix: string) => join(this.folder, file + suffix)
    const extensions = at('.cnf')
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    const subject = ['-subj', `/CN=${commonName}`]
    openssl('req', ...KEY, '-keyout', at('.key.new'), '-out', at('.csr'), ...subject)
    const by = ['-CA', this.cert, '-CAkey', this.#key, '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', at('.csr'), ...by, '-extfile', extensions, '-out', at('.new'))
    renameSync(at('.key.new'), at('.key'))
    renameSync(at('.new'), at('.pem'))
    return { cert: at('.pem'), key: at('.key') }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

function openssl(...words: string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`)
}
