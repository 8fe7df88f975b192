// The positions that the client sends, 8 bytes each: player, x, y. Pure functions of the loot, so
// that all contenders get the same ones.
//
// `node walks.mjs '{"scene":"walk","count":1000,"side":4096,"players":300,"loot":FILE,"tiles":60}'`
// writes them to stdout. `walk`: players walk as in bench/before, over a world where six tiles in a
// thousand have loot. `claims`: every second position is on the loot of some tile or other. `hot`:
// each is on one of the first `tiles` of the loot.
import { readFileSync } from 'node:fs'
import { Crowd, randomOf } from '../before/trace.mjs'

const SEED = 1
const { scene, count, side, players, loot, tiles } = JSON.parse(process.argv[2])

function lootOf(file) {
  return readFileSync(file, 'utf8').trim().split('\n').slice(1)
    .map((line) => line.split(',', 2).map(Number))
}

// Functions of a player's number, which say where he is.
const SCENES = {
  walk() {
    const crowd = new Crowd(SEED, players, side)
    return (player) => {
      crowd.step(player)
      return [crowd.xs[player], crowd.ys[player]]
    }
  },
  claims() {
    const random = randomOf(SEED + 1)
    const all = lootOf(loot)
    const walk = SCENES.walk()
    return (player) => (random() % 2 === 0 ? all[random() % all.length] : walk(player))
  },
  hot() {
    const random = randomOf(SEED + 2)
    const all = lootOf(loot).slice(0, tiles)
    return () => all[random() % all.length]
  }
}

const random = randomOf(SEED)
const at = SCENES[scene]()
const out = Buffer.alloc(8 * count)
for (let i = 0; i < count; i += 1) {
  const player = random() % players
  const [x, y] = at(player)
  out.writeUInt32LE(player, 8 * i)
  out.writeInt16LE(x, 8 * i + 4)
  out.writeInt16LE(y, 8 * i + 6)
}
process.stdout.write(out)
