import type { Socket } from 'node:net'
import type { ErrorObject } from 'ajv'
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { KEY_BYTES_MAX } from '../limiter/check.ts'
import { invalidRequest } from './fault.ts'
import { HEADER_BYTES_MAX, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './limits.ts'
import { PROBLEM_MEDIA_TYPE, type Problem, ProblemError, problem, sendProblem } from './problem.ts'

/** Turns whatever goes wrong before or in a handler into a problem. */

/** Told of every error that is this program's own fault, so that it can be logged. */
export type InternalErrorListener = (error: unknown) => void

/** The error handler of a door. Only a bug makes an `internal` problem; its text stays inside. */
export function errorHandler(onInternalError: InternalErrorListener) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const body = problemOf(error, request)
    if (body.code === 'internal') onInternalError(error)
    sendProblem(reply, body)
  }
}

function problemOf(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof ProblemError) return error.problem
  if (error.validation !== undefined) {
    return invalidRequest(error.validation as ErrorObject[], error.validationContext)
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyTooLarge(request.routeOptions.bodyLimit)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem(
        'unsupported_media_type',
        'The body must be JSON: send the header "Content-Type: application/json".',
      )
    case 'FST_ERR_BAD_URL':
      return problem(
        'malformed_http',
        'The path is not valid percent-encoded UTF-8: encode "%" as "%25".',
      )
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return problem(
        'invalid_key',
        `The key in the path is longer than ${KEY_BYTES_MAX} bytes: shorten or hash it.`,
      )
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return problem('malformed_http', 'The body is not as long as Content-Length says.')
    default:
      return error.statusCode !== undefined && error.statusCode < 500
        ? problem('malformed_http', 'The request could not be read.')
        : problem(
            'internal',
            'The node failed to answer, and it is not known whether the check was counted. Its log has the cause.',
          )
  }
}

export function bodyTooLarge(bytesMax: number): Problem {
  return problem(
    'body_too_large',
    `The body is longer than ${bytesMax} bytes: send fewer checks at once, or shorter keys.`,
  )
}

/** Other errors are of the connection, or of TLS before there is one: nobody could read an answer. */
const HTTP_ERROR = /^(HPE|ERR_HTTP)_/

/** Answers bytes that are not HTTP, and requests that take too long. No request exists yet, only a socket. */
export function clientErrorHandler(error: ConnectionError, socket: Socket): void {
  if (!socket.writable || !HTTP_ERROR.test(error.code ?? '')) {
    socket.destroy()
    return
  }
  socket.end(rawResponse(clientProblem(error.code)), () => socket.destroy())
}

function clientProblem(errorCode: string): Problem {
  switch (errorCode) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(
        'request_timeout',
        `The request was not complete in time: ${HEADERS_TIMEOUT_MS} ms for its headers, ${REQUEST_TIMEOUT_MS} ms for all of it.`,
      )
    case 'HPE_HEADER_OVERFLOW':
      return problem(
        'headers_too_large',
        `The request's headers are longer than ${HEADER_BYTES_MAX} bytes: send fewer or shorter ones.`,
      )
    default:
      return problem('malformed_http', 'What was sent is not HTTP/1.1.')
  }
}

function rawResponse(body: Problem): string {
  const text = JSON.stringify(body)
  return [
    `HTTP/1.1 ${body.status} ${body.title}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n')
}
