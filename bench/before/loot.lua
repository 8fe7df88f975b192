-- The rules of the Starlight Rush, as designers write them: they may change this file while the
-- game runs. `remaining` is how often the loot of the tile can still be found, or -1 without loot.
local rewards = {
  {'star_shard', 600}, {'glow_lantern', 200}, {'nebula_dye', 120},
  {'meteor_trail', 60}, {'comet_cape', 18}, {'aurora_crown', 2},
}

function decide(player, x, y, remaining)
  if remaining < 0 then return 'nothing' end
  if remaining == 0 then return 'sold_out' end
  local roll = math.random(1000)
  for _, reward in ipairs(rewards) do
    roll = roll - reward[2]
    if roll <= 0 then return reward[1] end
  end
end
