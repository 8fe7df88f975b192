local function is_complete(fill, changed, epoch_min)
  if not fill then return false end
  local exp, epoch = string.match(fill, '^(%d+)|(%d+)|')
  exp, epoch = tonumber(exp), tonumber(epoch)
  if not exp or exp - now > 30000 or epoch > 8191 then return false end
  return now < exp and epoch >= epoch_min and (tonumber(changed) or 0) <= epoch, exp
end
