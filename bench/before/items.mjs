// What loot is worth, and how tiles are numbered in the database.

const REWARDS = [['star_shard', 600], ['glow_lantern', 200], ['nebula_dye', 120],
  ['meteor_trail', 60], ['comet_cape', 18], ['aurora_crown', 2]]

export function rollItem() {
  let roll = Math.random() * 1000
  for (const [item, weight] of REWARDS) {
    roll -= weight
    if (roll < 0) return item
  }
  return REWARDS[0][0]
}

// Both coordinates are within 15 bits and a sign.
export function tileId(x, y) {
  return (x + 32768) * 65536 + (y + 32768)
}
