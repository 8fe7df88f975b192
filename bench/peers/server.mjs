// Runs a contender: POST /v1/positions with the body that hunt takes; the answer has an outcome for
// each position, in order, and not the positions again. `node server.mjs '{"module":"map",
// "workers":2,"port":8080,"postgres":…,"redis":…}'`; all workers share the port, and each says
// "ready" when it listens.
//
// A contender is a module with `open(settings)`, which promises a function of positions. That
// returns, or promises, a list of outcomes, of which each may be a promise.
import cluster from 'node:cluster'
import http from 'node:http'

const IDLE_MS = 60_000 // of a connection, as hunt has it
const FAILED = { outcome: 'error' }
const settings = JSON.parse(process.argv[2])
const errors = new Map()

function told(error) {
  const times = (errors.get(error.message) ?? 0) + 1
  errors.set(error.message, times)
  if (times === 1 || times % 1000 === 0) console.error(`${error.message} (${times} times)`)
}

async function settled(outcomes, count) {
  try {
    return await Promise.all(await outcomes)
  } catch (error) {
    told(error)
    return Array(count).fill(FAILED)
  }
}

function reply(response, status, body) {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text) })
  response.end(text)
}

function read(parts) {
  try {
    return JSON.parse(parts.length === 1 ? parts[0] : Buffer.concat(parts)).positions
  } catch {
    return undefined
  }
}

async function serve() {
  const { open } = await import(`./${settings.module}.mjs`)
  const answer = await open(settings)
  const isNow = (outcomes) => Array.isArray(outcomes) &&
    !outcomes.some((one) => one instanceof Promise)

  function respond(response, positions) {
    if (!Array.isArray(positions)) return reply(response, 400, { error: 'no positions' })
    const outcomes = answer(positions)
    if (isNow(outcomes)) return reply(response, 200, { outcomes })
    return settled(outcomes, positions.length)
      .then((all) => reply(response, 200, { outcomes: all }))
  }

  const server = http.createServer({ keepAliveTimeout: IDLE_MS }, (request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => respond(response, read(parts)))
  })
  server.listen(settings.port, '127.0.0.1', () => console.log('ready'))
}

if (settings.workers > 1 && cluster.isPrimary) {
  for (let i = 0; i < settings.workers; i += 1) cluster.fork()
  cluster.on('exit', (worker, code) => console.error(`worker ${worker.process.pid} ended: ${code}`))
} else {
  await serve()
}
