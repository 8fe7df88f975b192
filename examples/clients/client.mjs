// A game server in miniature: players dig, and each reward is credited exactly once.
//
// node client.mjs http://127.0.0.1:8080 inventory.jsonl 10    (server, inventory, seconds)
//
// The inventory stands for your database: a line for each credit, keyed by its claim, and where in
// the ledger to go on. Kill this at any moment and start it again: nothing is lost or doubled.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { truncateSync, writeSync } from 'node:fs'
import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const [url, path, seconds] = process.argv.slice(2)
if (!url || !path || !(Number(seconds) > 0)) {
  console.error('usage: client.mjs URL INVENTORY SECONDS')
  process.exit(2)
}
const players = Array.from({ length: 20 }, () => randomUUID())

// The answer of the server; nothing after a pause when it has none now: ask again later.
async function call(target, body) {
  try {
    const how = body ? { method: 'POST', body: JSON.stringify(body) } : {}
    const reply = await fetch(new URL(target, url), { ...how, signal: AbortSignal.timeout(5000) })
    if (!reply.ok) throw new Error(await reply.text())
    return await reply.json()
  } catch (error) {
    if (error.message.includes('wrong_ledger')) {
      console.error(`the place is of another ledger, and no retry helps: ${error.message}`)
      process.exit(1)
    }
    console.error(`no answer, trying again: ${error.message}`)
    await sleep(500)
  }
}

// Which claims were credited, and the place in the ledger after them.
const credited = new Set()
let after = '0'
if (existsSync(path)) {
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  for (const line of whole.split('\n').filter(Boolean)) {
    const entry = JSON.parse(line)
    if (entry.claim) credited.add(entry.claim)
    after = entry.next ?? after
  }
  truncateSync(path, Buffer.byteLength(whole)) // a line that a crash cut short never counted
}
const file = openSync(path, 'a')

// All of it, or an exception: a part must not be credited, nor what this program cannot read.
function rewardOf({ claim, items }) {
  if (!Array.isArray(items)) throw new Error(`claim ${claim} has no items`)
  return items.map(({ item, count }) => {
    if (typeof item === 'string' && count >= 1) return { item, count }
    throw new Error(`claim ${claim} has a stack without an item or a count`)
  })
}

// The credits first, and the new place after them, when both are on disk.
function credit(page) {
  const fresh = page.grants.filter((grant) => !credited.has(grant.claim)) // told again is normal
  const lines = fresh.map((grant) =>
    JSON.stringify({ claim: grant.claim, player: grant.player, items: rewardOf(grant) }))
  writeSync(file, [...lines, JSON.stringify({ next: page.next })].join('\n') + '\n')
  fsyncSync(file)
  for (const grant of fresh) credited.add(grant.claim)
  after = page.next
}

for (const end = Date.now() + Number(seconds) * 1000; Date.now() < end; await sleep(50)) {
  const positions = Array.from({ length: 20 }, () => ({
    player: players[randomInt(20)], x: randomInt(40), y: randomInt(40), kind: 'dig',
  }))
  await call('/v1/positions', { world: 1, positions })
  for (;;) {
    const page = await call(`/v1/grants?after=${after}&limit=100`)
    if (!page || page.grants.length === 0) break
    credit(page)
  }
}
closeSync(file)
console.log(`${credited.size} grants credited`)
