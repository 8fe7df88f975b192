// How positions go to a contender and answers come back: Redis pub/sub in the old shape, and NATS
// requests in JSON or in the binary form. By hand and without a client library, so that the
// generator costs the same for everybody.
import net from 'node:net'

const CRLF = Buffer.from('\r\n')
const WORLD = 1
const ANSWERS = 'hunt:answers'
const HEAD = '$7\r\nmessage\r\n' // of a message that Redis passes on
const INBOX = '_INBOX.rush.'

export function uuidOf(seed, player) {
  return `00000000-0000-4000-8000-${(seed & 0xffff).toString(16).padStart(4, '0')}` +
    player.toString(16).padStart(8, '0')
}

function connect(url) {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

// Calls `take(buffer, from)` for each chunk that came; it returns where the first message begins
// that is not whole yet.
function readAll(socket, take) {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    const buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    rest = buffer.subarray(take(buffer))
  })
}

// A batch as JSON; `positions` are [player, x, y] with players as text.
function listed(positions) {
  return positions.map(([player, x, y]) => `{"player":"${player}","x":${x},"y":${y}}`).join(',')
}

// Counts outcomes by whether they are answers: {ok, granted, failed}.
function tally(outcomes) {
  const counts = { ok: 0, granted: 0, failed: 0 }
  for (const outcome of outcomes) {
    if (outcome === 'error' || outcome === 'busy' || outcome === 'found') counts.failed += 1
    else {
      counts.ok += 1
      if (!NO_ITEM.has(outcome)) counts.granted += 1
    }
  }
  return counts
}
const NO_ITEM = new Set(['nothing', 'hint', 'sold_out', 'closed'])

// Redis pub/sub. An outcome is a word, and the item where something was granted.
export class RedisWire {
  static async open({ url, channels }, answered) {
    const wire = new RedisWire()
    wire.channels = Array.from({ length: channels }, (_, i) => `hunt:positions:${i}`)
    wire.turn = 0
    const subscriber = await connect(url)
    wire.socket = await connect(url)
    wire.socket.resume() // how many heard each message
    readAll(subscriber, (buffer) => wire.take(buffer, answered))
    subscriber.write(`SUBSCRIBE ${ANSWERS}\r\n`)
    wire.sockets = [wire.socket, subscriber]
    return wire
  }

  // *3 $7 message $12 hunt:answers $N payload; the answer to SUBSCRIBE is passed over.
  take(buffer, answered) {
    let at = 0
    for (;;) {
      const head = buffer.indexOf(HEAD, at)
      if (head < 0) return Math.max(at, buffer.length - HEAD.length) // part of one, maybe
      const channel = buffer.indexOf('$', head + 2)
      const size = channel < 0 ? -1 : buffer.indexOf('$', channel + 2)
      const line = size < 0 ? -1 : buffer.indexOf(CRLF, size)
      if (line < 0) return at
      const end = line + 2 + Number(buffer.latin1Slice(size + 1, line))
      if (buffer.length < end + 2) return at
      const { id, outcomes } = JSON.parse(buffer.latin1Slice(line + 2, end))
      answered(id, tally(outcomes))
      at = end + 2
    }
  }

  message(id, positions) {
    const channel = this.channels[this.turn++ % this.channels.length]
    const [player, x, y] = positions[0]
    const what = positions.length === 1 ? `"player":"${player}","x":${x},"y":${y}`
      : `"positions":[${listed(positions)}]`
    const body = `{"id":${id},"reply":"${ANSWERS}","world":${WORLD},${what}}`
    return `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n` +
      `$${body.length}\r\n${body}\r\n`
  }
}

// NATS requests; the reply subject has the number of the request.
class NatsWire {
  static async open({ url }, answered) {
    const wire = new this()
    wire.socket = await connect(url)
    wire.socket.write(`CONNECT {"verbose":false,"headers":true}\r\nSUB ${INBOX}* 1\r\nPING\r\n`)
    readAll(wire.socket, (buffer) => wire.take(buffer, answered))
    wire.sockets = [wire.socket]
    return wire
  }

  take(buffer, answered) {
    let at = 0
    for (;;) {
      const line = buffer.indexOf(CRLF, at)
      if (line < 0) return at
      const words = buffer.latin1Slice(at, line).split(' ')
      if (words[0] === 'PING') this.socket.write('PONG\r\n')
      if (words[0] !== 'MSG' && words[0] !== 'HMSG') {
        at = line + 2
        continue
      }
      const end = line + 2 + Number(words.at(-1))
      if (buffer.length < end + 2) return at
      const head = words[0] === 'HMSG' ? Number(words.at(-2)) : 0
      answered(Number(words[1].slice(INBOX.length)),
        this.read(buffer.subarray(line + 2 + head, end)))
      at = end + 2
    }
  }
}

export class NatsJsonWire extends NatsWire {
  message(id, positions) {
    const body = `{"world":${WORLD},"wait":"terminal","positions":[${listed(positions)}]}`
    return `PUB hunt.ask.any ${INBOX}${id} ${body.length}\r\n${body}\r\n`
  }

  read(body) {
    const { outcomes } = body.length > 0 ? JSON.parse(body) : {}
    return outcomes ? tally(outcomes.map(({ outcome }) => outcome)) : null
  }
}

const POSITION_BYTES = 48
const POSITIONS_AT = 64
const GRANTED = 3
const FAILED = [2, 10] // found, which is not the end, and busy

// The binary form, src/codec/hunt.fbs: a FlatBuffers message with its parts at fixed places.
export class NatsBinaryWire extends NatsWire {
  message(id, positions) {
    const size = POSITIONS_AT + POSITION_BYTES * positions.length
    const head = Buffer.from(`PUB hunt.ask.any ${INBOX}${id} ${size}\r\n`)
    const all = Buffer.allocUnsafe(head.length + size + 2)
    head.copy(all)
    const body = all.subarray(head.length)
    this.fillHead(body, positions.length)
    positions.forEach((position, i) => this.fill(body, POSITIONS_AT + POSITION_BYTES * i, position))
    CRLF.copy(all, head.length + size)
    return all
  }

  fillHead(body, count) {
    body.fill(0, 0, POSITIONS_AT)
    body.writeUInt32LE(16, 0) // the root, a Message
    body.write('HUNT', 4)
    ;[8, 12, 8, 4].forEach((word, i) => body.writeUInt16LE(word, 8 + 2 * i)) // its vtable
    body.writeInt32LE(16 - 8, 16)
    body.writeUInt32LE(40 - 20, 20) // body
    body.writeUInt8(1, 24) // body_type: Request
    ;[12, 16, 4, 0, 12, 8].forEach((word, i) => body.writeUInt16LE(word, 28 + 2 * i))
    body.writeInt32LE(40 - 28, 40)
    body.writeUInt32LE(WORLD, 44)
    body.writeUInt32LE(60 - 48, 48) // positions
    body.writeUInt8(1, 52) // wait_terminal
    body.writeUInt32LE(count, 60)
  }

  fill(body, at, [player, x, y, number, seed]) {
    body.fill(0, at, at + POSITION_BYTES)
    body.writeUInt32LE(0x4000, at) // the UUID that uuidOf() writes
    body.writeUInt32LE(number, at + 8)
    body.writeUInt32LE((0x80000000 | (seed & 0xffff)) >>> 0, at + 12)
    body.writeInt32LE(x, at + 16)
    body.writeInt32LE(y, at + 20)
  }

  // Null for a failure of the whole batch.
  read(body) {
    if (body.length < 16) return null
    const message = body.readUInt32LE(0)
    if (this.field(body, message, 0, (at) => body[at]) !== 2) return null // a Reply
    const reply = this.field(body, message, 1, (at) => at + body.readUInt32LE(at))
    const outcomes = this.field(body, reply, 0, (at) => at + body.readUInt32LE(at))
    const counts = { ok: 0, granted: 0, failed: 0 }
    const count = body.readUInt32LE(outcomes)
    for (let i = 0; i < count; i += 1) {
      const outcome = body[outcomes + 4 + 8 * i]
      if (FAILED.includes(outcome)) counts.failed += 1
      else counts.ok += 1
      if (outcome === GRANTED) counts.granted += 1
    }
    return counts
  }

  // What `read` makes of the place of a table's field.
  field(body, table, number, read) {
    const vtable = table - body.readInt32LE(table)
    return read(table + body.readUInt16LE(vtable + 4 + 2 * number))
  }
}

export const WIRES = { redis: RedisWire, json: NatsJsonWire, binary: NatsBinaryWire }
