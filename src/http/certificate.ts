import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type TlsOptions } from 'node:tls'

/** PEM files of a door that speaks TLS. */
export interface CertificateFiles {
  /** The certificate, followed by those between it and the authority that clients know. */
  readonly cert: string
  readonly key: string
  /** If given, only clients with a certificate of this authority are let in. */
  readonly clientCa?: string | undefined
}

/** What Node's TLS server is told. */
export interface Certificate
  extends Required<Pick<TlsOptions, 'cert' | 'key'>>,
    Pick<TlsOptions, 'ca' | 'requestCert' | 'rejectUnauthorized'> {}

/** @throws Error that names the file which cannot be used, or says that the two do not belong together. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([
    readPem('certificate', files.cert, 'CERTIFICATE'),
    readPem('private key', files.key, 'PRIVATE KEY'),
  ])
  const ca =
    files.clientCa === undefined
      ? undefined
      : await readPem('client authority', files.clientCa, 'CERTIFICATE')
  const read = {
    cert,
    key,
    ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }),
  }
  try {
    createSecureContext(read)
  } catch (cause) {
    throw new Error(
      `certificate ${files.cert} with private key ${files.key}: cannot be used together; give the key that the certificate was made for`,
      { cause },
    )
  }
  return read
}

/** Until when the certificate is valid, as it says itself. */
export function validUntil({ cert }: Certificate): string {
  return new X509Certificate(String(cert)).validTo
}

async function readPem(what: string, file: string, label: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`${what} ${file}: cannot be read`, { cause })
  }
  if (text.includes(`${label}-----`)) return text
  throw new Error(`${what} ${file}: is not PEM with a part "-----BEGIN ${label}-----"`)
}
