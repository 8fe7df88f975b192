// The one generator for all contenders: open loop, so each request is sent when it is due, whatever
// the answers do, and its latency counts from that moment.
//
// `node rush.mjs '{"wire":"redis"|"json"|"binary","url":…,"channels":1,"batch":1,"seed":1,
// "side":4096,"late_ms":5000,"phases":[{"seconds":10,"rate":[300,300],"players":[3000,3000]}]}'`
// prints a line of JSON each second, {"second",…}, with what is known by then, and at the end
// {"report":…}. Rate and players of a phase go evenly from the first number to the second. A
// position without an answer is lost so long after the end.
import { Crowd, randomOf } from './trace.mjs'
import { WIRES, uuidOf } from './wires.mjs'

const TICK_MS = 1
const SLOTS = 1 << 17 // requests under way at most
const OCTAVE = 16 // steps of the histogram in each doubling
const BUCKETS = 26 * OCTAVE // of microseconds, up to a minute

class Histogram {
  constructor() {
    this.counts = new Uint32Array(BUCKETS)
    this.total = 0
  }

  add(ms, times) {
    const at = Math.floor(Math.log2(Math.max(1, ms * 1000)) * OCTAVE)
    this.counts[Math.min(at, BUCKETS - 1)] += times
    this.total += times
  }

  // Of all, with `missing` more that took for ever; milliseconds.
  quantile(share, missing) {
    let left = share * (this.total + missing)
    for (let i = 0; i < BUCKETS; i += 1) {
      left -= this.counts[i]
      if (left <= 0 && this.counts[i] > 0) return 2 ** ((i + 1) / OCTAVE) / 1000
    }
    return Infinity
  }
}

// What became of the positions that were due in one second.
class Second {
  constructor() {
    this.due = this.ok = this.granted = this.failed = 0
    this.latency = new Histogram()
  }

  told(late) {
    const missing = this.due - this.latency.total
    const [p50, p99] = [0.5, 0.99].map(
      (share) => Math.min(late, this.latency.quantile(share, missing)))
    return { due: this.due, ok: this.ok, granted: this.granted, failed: this.failed,
      lost: this.due - this.ok - this.failed,
      p50_ms: p50, p99_ms: p99 }
  }
}

class Rush {
  constructor(settings) {
    Object.assign(this, settings)
    const players = Math.max(...this.phases.flatMap((phase) => phase.players))
    this.crowd = new Crowd(this.seed, players, this.side)
    this.names = Array.from({ length: players }, (_, i) => uuidOf(this.seed, i))
    this.random = randomOf(this.seed)
    this.free = Array.from({ length: SLOTS }, (_, i) => SLOTS - 1 - i)
    this.dueAt = new Float64Array(SLOTS) // 0: nothing under way
    this.seconds = []
    this.all = new Second()
    this.unsent = this.sent = this.inFlight = this.tick = 0
    this.ends = [] // of the phases, in seconds
    for (const { seconds } of this.phases) this.ends.push((this.ends.at(-1) ?? 0) + seconds)
  }

  // Requests due until `s` seconds after the beginning.
  dueUntil(s) {
    let sum = 0
    for (const [i, { seconds, rate: [from, to] }] of this.phases.entries()) {
      const t = Math.max(0, Math.min(seconds, s - (this.ends[i] - seconds)))
      sum += from * t + ((to - from) * t * t) / (2 * seconds)
    }
    return Math.floor(sum / this.batch)
  }

  playersAt(s) {
    const i = Math.max(0, this.ends.findIndex((end) => s < end))
    const { seconds, players: [from, to] } = this.phases[i]
    const share = Math.max(0, Math.min(1, (s - (this.ends[i] - seconds)) / seconds))
    return Math.max(1, Math.floor(from + (to - from) * share))
  }

  positions(players) {
    return Array.from({ length: this.batch }, () => {
      const i = this.random() % players
      this.crowd.step(i)
      return [this.names[i], this.crowd.xs[i], this.crowd.ys[i], i, this.seed]
    })
  }

  secondOf(dueAt) {
    const i = Math.floor((dueAt - this.began) / 1000)
    while (this.seconds.length <= i) this.seconds.push(new Second())
    return this.seconds[i]
  }

  answered(id, counts) {
    const dueAt = this.dueAt[id]
    if (!(dueAt > 0)) return // it was given up
    this.dueAt[id] = 0
    this.free.push(id)
    this.inFlight -= 1
    const { ok, granted, failed } = counts ?? { ok: 0, granted: 0, failed: this.batch }
    const ms = performance.now() - dueAt
    for (const one of [this.secondOf(dueAt), this.all]) {
      one.ok += ok
      one.granted += granted
      one.failed += failed
      if (ok > 0) one.latency.add(ms, ok)
    }
  }

  // Sends what became due since the last turn, each at its own moment in between.
  send(now) {
    const s = (now - this.began) / 1000
    const due = this.dueUntil(s)
    const count = due - this.sent
    const players = this.playersAt(s)
    const messages = []
    for (let i = 0; i < count; i += 1) {
      const dueAt = this.last + ((now - this.last) * (i + 1)) / count
      for (const one of [this.secondOf(dueAt), this.all]) one.due += this.batch
      const id = this.free.pop()
      const positions = this.positions(players)
      if (id === undefined) {
        this.unsent += this.batch
        continue
      }
      this.dueAt[id] = dueAt
      this.inFlight += 1
      messages.push(this.wire.message(id, positions))
    }
    this.sent = due
    this.last = now
    if (messages.length > 0) {
      this.wire.socket.write(typeof messages[0] === 'string' ? messages.join('')
        : Buffer.concat(messages))
    }
  }

  async run() {
    this.wire = await WIRES[this.wire].open(this, (id, counts) => this.answered(id, counts))
    await new Promise((resolve) => setTimeout(resolve, 50)) // the subscription is there
    this.began = this.last = performance.now()
    const end = this.began + this.ends.at(-1) * 1000
    console.log(JSON.stringify({ began_ms: Date.now() }))
    let told = 0
    for (;;) {
      const now = performance.now()
      if (now < end) this.send(now)
      else if (this.last < end) this.send(end)
      else if (this.inFlight === 0 || now > end + this.late_ms) break
      const second = Math.floor((now - this.began) / 1000)
      if (second > told) {
        told = second
        console.log(JSON.stringify({ second, ...this.all.told(this.late_ms) }))
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
    const { user, system } = process.cpuUsage()
    return { ...this.all.told(this.late_ms),
      seconds: this.seconds.map((one) => one.told(this.late_ms)),
      unsent: this.unsent, generator_cpu_s: (user + system) / 1e6,
      sent_bytes: this.wire.socket.bytesWritten,
      received_bytes: this.wire.sockets.reduce((sum, one) => sum + one.bytesRead, 0) }
  }
}

const report = await new Rush(JSON.parse(process.argv[2])).run()
process.stdout.write(JSON.stringify({ report }) + '\n', () => process.exit(0))
