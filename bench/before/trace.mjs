// The world and the walks of its players, pure functions of a seed: every contender gets the same
// positions. Loot lies anywhere: 100,000 tiles in a world of 4,096 x 4,096 are six in a thousand.
// Seven of eight players begin near one of 250 popular places, where they meet each other on the
// same loot.
//
// `node trace.mjs 100000 4096` prints so much loot in a world of that size as CSV, for `hunt world
// import` and for the tables of the other contenders.
import { pathToFileURL } from 'node:url'

const BUDGET_MAX = 50
const PLACES = 250
const NEAR = 20 // tiles
const WORLD_SEED = 20231117

// xorshift32: whole numbers below 2^32.
export function randomOf(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

// A number from 0 to count - 1, k with a share proportional to 1 / (k + 1).
function popular(random, count) {
  return Math.min(count - 1, Math.floor((count + 1) ** (random() / 2 ** 32)) - 1)
}

// So many loot tiles in a world of `side` tiles along each axis, around the origin.
function lootOf(tiles, side) {
  const random = randomOf(WORLD_SEED)
  const loot = new Map()
  while (loot.size < tiles) {
    const x = (random() % side) - side / 2
    const y = (random() % side) - side / 2
    loot.set(`${x},${y}`, popular(random, BUDGET_MAX) + 1)
  }
  return loot
}

const STEPS = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]]

// The players of a run. `step(i)` moves one of them by a tile; `xs` and `ys` say where he is.
export class Crowd {
  constructor(seed, players, side) {
    this.side = side
    this.random = randomOf(seed * 7919 + 1)
    const places = randomOf(WORLD_SEED + 1)
    this.places = Array.from({ length: PLACES }, () => [places() % this.side, places() % this.side])
    this.xs = new Int16Array(players)
    this.ys = new Int16Array(players)
    this.ways = new Uint8Array(players)
    for (let i = 0; i < players; i += 1) this.begin(i)
  }

  begin(i) {
    const { random, side } = this
    let x = random() % side
    let y = random() % side
    if (random() % 8 !== 0) {
      const [atX, atY] = this.places[popular(random, PLACES)]
      x = atX + (random() % (2 * NEAR + 1)) - NEAR
      y = atY + (random() % (2 * NEAR + 1)) - NEAR
    }
    this.xs[i] = Math.max(0, Math.min(side - 1, x)) - side / 2
    this.ys[i] = Math.max(0, Math.min(side - 1, y)) - side / 2
    this.ways[i] = random() % 8
  }

  // Straight on, mostly; one step in 600 is a journey to somewhere else.
  step(i) {
    const drawn = this.random()
    if (drawn % 600 === 0) return this.begin(i)
    if ((drawn >>> 12) % 8 === 0) this.ways[i] = (this.ways[i] + ((drawn >>> 16) % 3) + 7) % 8
    const [dx, dy] = STEPS[this.ways[i]]
    const x = this.xs[i] + dx
    const y = this.ys[i] + dy
    const half = this.side / 2
    if (x < -half || x >= half || y < -half || y >= half) this.ways[i] = (this.ways[i] + 4) % 8
    else {
      this.xs[i] = x
      this.ys[i] = y
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const lines = ['x,y,table,budget']
  for (const [place, budget] of lootOf(...process.argv.slice(2).map(Number))) {
    lines.push(`${place},starlight,${budget}`)
  }
  process.stdout.write(lines.join('\n') + '\n')
}
