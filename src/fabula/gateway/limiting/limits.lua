-- The count of one model for all processes: one atomic step on the clock of Redis.
--
-- KEYS  1 the model's bucket, 2 the calls that wait, 3 the projects' tags and buckets, 4 the workers
-- ARGV  1 `grant` or `settle`, 2 its arguments as JSON
--
-- The rules are those of local.py and pace.py, which also give every number (`rule`). What is
-- different: calls wait in several processes, each of which asks for its own. So every asker leaves
-- word of what it still has waiting and when it will ask again; a turn that belongs to another
-- process is left for it, until that time is past.

local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local given = cjson.decode(ARGV[2])
local rule, whole, part = given.rule, given.whole, given.part
if part == cjson.null then part = nil end
local SEPARATOR = '\31'

local function pack(...)
  local words = {}
  for i, number in ipairs({...}) do words[i] = string.format('%.17g', number) end
  return table.concat(words, ' ')
end

local function unpacked(text)
  local numbers = {}
  for word in string.gmatch(text, '%S+') do numbers[#numbers + 1] = tonumber(word) end
  return numbers
end

local function hash(key)
  local flat, found = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end

local stored = redis.call('GET', KEYS[1])
local state = {
  requests = rule.start, tokens = whole.tokens[2], at = now, served = 0, factor = given.factor,
  lowered = now - 1, calm = now - 1, raised = now - 1, pause = now,
}
local NAMES = {'requests', 'tokens', 'at', 'served', 'factor', 'lowered', 'calm', 'raised', 'pause'}
if stored then
  for i, number in ipairs(unpacked(stored)) do state[NAMES[i]] = number end
  -- A clock that was set back must not leave a pause of hours.
  for _, name in ipairs({'pause', 'calm', 'raised', 'at'}) do
    state[name] = math.min(state[name], now + rule.pause)
  end
  state.lowered = math.min(state.lowered, now)
end

local function most_requests(pace) return math.max(1, pace.requests[2] * state.factor) end
local function most_tokens(pace) return pace.tokens[2] * state.factor end

local function fill(bucket, pace)
  local passed = math.max(0, now - bucket.at) * state.factor
  bucket.requests = math.min(most_requests(pace), bucket.requests + pace.requests[1] * passed)
  bucket.tokens = math.min(most_tokens(pace), bucket.tokens + pace.tokens[1] * passed)
  bucket.at = math.max(bucket.at, now)
end

local function missing(bucket, pace, tokens)
  local wait = 0
  if pace.requests[1] > 0 then
    wait = (1 - bucket.requests) / (pace.requests[1] * state.factor)
  end
  if pace.tokens[1] > 0 then
    local wanted = math.min(tokens, most_tokens(pace))
    wait = math.max(wait, (wanted - bucket.tokens) / (pace.tokens[1] * state.factor))
  end
  if wait > 1e-6 then return wait end
  return 0
end

local function cost(tokens)
  local requests_s, tokens_s = 0, 0
  if whole.requests[1] > 0 then requests_s = 1 / whole.requests[1] end
  if whole.tokens[1] > 0 then tokens_s = tokens / whole.tokens[1] end
  return math.max(requests_s, tokens_s)
end

fill(state, whole)
local projects, stale = {}, {}
for name, text in pairs(hash(KEYS[3])) do
  local numbers = unpacked(text)
  local one = {tag = numbers[1], requests = numbers[2], tokens = numbers[3], at = numbers[4]}
  local used_at = one.at
  one.at = math.min(one.at, now)
  if part then fill(one, part) end
  projects[name] = one
  local owes = part and (one.requests < most_requests(part) or one.tokens < most_tokens(part))
  if one.tag <= state.served and not owes and now - used_at > rule.minute then
    stale[#stale + 1] = name
  end
end

local function project_of(name)
  if not projects[name] then
    local one = {tag = 0, requests = 0, tokens = 0, at = now}
    if part then one.requests, one.tokens = most_requests(part), most_tokens(part) end
    projects[name] = one
  end
  return projects[name]
end

local function keep(changed)
  local numbers = {}
  for i, name in ipairs(NAMES) do numbers[i] = state[name] end
  redis.call('SET', KEYS[1], pack(unpack(numbers)), 'EX', rule.forget)
  for _, name in ipairs(stale) do redis.call('HDEL', KEYS[3], name) end
  for name in pairs(changed) do
    local one = projects[name]
    redis.call('HSET', KEYS[3], name, pack(one.tag, one.requests, one.tokens, one.at))
  end
  redis.call('EXPIRE', KEYS[3], rule.forget)
end

local function settle()
  local one = project_of(given.project)
  for _, bucket in ipairs(part and {state, one} or {state}) do
    bucket.requests = bucket.requests + given.requests_back
    bucket.tokens = bucket.tokens + given.tokens_back
  end
  if given.throttled then
    if now >= state.calm and given.at >= state.lowered then
      state.factor = math.max(rule.least, state.factor * rule.decrease)
      state.lowered = now
      state.calm = now + math.max(rule.cooldown, given.retry_after)
      state.raised = state.calm
    end
    state.pause = math.max(state.pause, now + math.min(given.retry_after, rule.pause))
    state.requests = math.min(0, state.requests)
    state.tokens = math.min(0, state.tokens)
    state.at = math.max(state.at, state.pause)
  elseif given.requests_back == 0 and now > state.raised and state.factor < 1 then
    local step = math.min(rule.step, rule.step_per_s * (now - state.raised))
    state.factor = math.min(1, state.factor + step)
    state.raised = now
  end
  keep({[given.project] = true})
  return {factor = state.factor}
end

-- Everyone who waits, by project: `mine` to be granted, `theirs` to be left room for.
local function everyone()
  local line = {}
  local function entry(name)
    line[name] = line[name] or {mine = {}, theirs = {}, granted = 0, left = 0}
    return line[name]
  end
  for _, head in ipairs(given.heads) do entry(head[1]).mine = head[2] end
  local others = {}
  for name, text in pairs(hash(KEYS[2])) do
    local cut = string.find(name, SEPARATOR, 1, true)
    local worker, project = string.sub(name, 1, cut - 1), string.sub(name, cut + 1)
    local numbers = unpacked(text)
    if worker == given.worker or numbers[3] < now then
      redis.call('HDEL', KEYS[2], name)
    else
      others[#others + 1] = {name = name, project = project, count = numbers[1], tokens = numbers[2]}
    end
  end
  table.sort(others, function(a, b) return a.name < b.name end)
  for _, other in ipairs(others) do
    local theirs = entry(other.project).theirs
    for _ = 1, other.count do theirs[#theirs + 1] = other.tokens end
  end
  return line
end

local function grant()
  local line, changed, served = everyone(), {}, state.served
  -- Copies that also hold the turns left for others.
  local room = {requests = state.requests, tokens = state.tokens}
  local rooms, tags = {}, {}
  for name in pairs(line) do
    local one = project_of(name)
    rooms[name], tags[name] = {requests = one.requests, tokens = one.tokens}, one.tag
  end
  local wait = math.max(0, state.pause - now)
  local part_wait, blocked, ungranted = nil, {}, 0
  for _, entry in pairs(line) do ungranted = ungranted + #entry.mine end
  while wait == 0 and ungranted > 0 do
    local name, start
    for candidate, entry in pairs(line) do
      if not blocked[candidate] and entry.granted + entry.left < #entry.mine + #entry.theirs then
        local from = math.max(served, tags[candidate])
        if not name or from < start or (from == start and candidate < name) then
          name, start = candidate, from
        end
      end
    end
    if not name then break end
    local entry = line[name]
    local mine = entry.granted < #entry.mine
    local tokens = mine and entry.mine[entry.granted + 1] or entry.theirs[entry.left + 1]
    local part_missing = part and missing(rooms[name], part, tokens) or 0
    if part_missing > 0 then
      blocked[name] = true
      part_wait = math.min(part_wait or part_missing, part_missing)
    else
      wait = missing(room, whole, tokens)
      if wait == 0 then
        served, tags[name] = start, start + cost(tokens)
        room.requests, room.tokens = room.requests - 1, room.tokens - tokens
        if part then
          rooms[name].requests = rooms[name].requests - 1
          rooms[name].tokens = rooms[name].tokens - tokens
        end
        if mine then
          local one = project_of(name)
          entry.granted, ungranted = entry.granted + 1, ungranted - 1
          state.served, one.tag = math.max(state.served, start), tags[name]
          state.requests, state.tokens = state.requests - 1, state.tokens - tokens
          if part then one.requests, one.tokens = one.requests - 1, one.tokens - tokens end
          changed[name] = true
        else
          entry.left = entry.left + 1
        end
      end
    end
  end
  if part_wait and (wait == 0 or part_wait < wait) then wait = part_wait end
  wait = math.min(wait, rule.ask_again)
  local counts = {}
  for i, head in ipairs(given.heads) do
    local entry = line[head[1]]
    counts[i] = entry.granted
    local waiting = #entry.mine - entry.granted
    if waiting > 0 then
      local word = pack(waiting, entry.mine[entry.granted + 1], now + wait + rule.grace)
      redis.call('HSET', KEYS[2], given.worker .. SEPARATOR .. head[1], word)
    end
  end
  redis.call('EXPIRE', KEYS[2], rule.minute)
  redis.call('ZADD', KEYS[4], now, given.worker)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - rule.forget)
  redis.call('EXPIRE', KEYS[4], rule.forget)
  keep(changed)
  return {
    counts = counts, wait = wait, at = string.format('%.6f', now), factor = state.factor,
    workers = redis.call('ZCARD', KEYS[4]),
  }
end

if ARGV[1] == 'grant' then return cjson.encode(grant()) end
return cjson.encode(settle())
