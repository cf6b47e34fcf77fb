-- What every app's gate is, read from gates.json, and what it means at this moment.
--
-- The file is written by Holdfast alone and read by every worker: when it starts, and
-- whenever the generation on the board differs from the one it has read.

local cjson = require "cjson.safe"
local board = require "holdfast.board"

local floor = math.floor
local byte = string.byte

local _M = { apps = {}, generation = -1 }

local path

local function slot_number(target)
    return target and (target.slot == "b" and 2 or 1) or nil
end

-- "unix:/path" stays whole; "127.0.0.1:8001" becomes host and port for the balancer.
local function split_address(address)
    if address:sub(1, 5) == "unix:" then
        return address, nil
    end
    local host, port = address:match("^(.*):(%d+)$")
    return host, tonumber(port)
end

--- What the text log says of a request that went through a gate (nil: none), having waited for
-- so many seconds (nil: not at all).
function _M.logged(app, waited)
    return string.format("waited=%ss slot=%s release=%s",
        waited and string.format("%.3f", waited) or "-",
        app and app.slot_name or "-", app and app.release or "-")
end

local function prepare(name, gate)
    local target = gate.target
    if target == cjson.null then target = nil end
    local previous = gate.previous
    if previous == cjson.null then previous = nil end
    local app = {
        name = name,
        index = gate.index,
        cell = board.cell(gate.index),
        mode = gate.mode,
        slot = slot_number(target),
        slot_name = target and target.slot,
        release = target and target.release,
        address = target and target.address,
        source = target and target.source,
        previous_source = previous and previous.source,
        lease_until = gate.lease_until ~= cjson.null and gate.lease_until or nil,
        back = gate.back ~= cjson.null and gate.back or nil,
        allow = gate.allow_bits or {},
        max_line = gate.limits.max_line,
        max_wait = gate.limits.max_wait,
        pace = gate.limits.pace,
        pages = gate.limits.pages ~= cjson.null and gate.limits.pages or nil,
    }
    if target then
        app.host, app.port = split_address(target.address)
    end
    app.open = app.mode == "open" and target ~= nil
    app.logged = _M.logged(app)
    app.files = { slot_name = "-", release = app.release }
    app.files.logged = _M.logged(app.files)
    return app
end

--- Where the file lies; called in the master.
function _M.init(file)
    path = file
end

--- Read the file again.
function _M.read()
    local file, err = io.open(path, "r")
    if not file then
        return nil, err
    end
    local text = file:read("*a")
    file:close()
    local value, problem = cjson.decode(text)
    if not value then
        return nil, path .. ": " .. problem
    end
    local apps = {}
    for name, gate in pairs(value.apps) do
        apps[name] = prepare(name, gate)
    end
    _M.apps = apps
    _M.generation = value.generation
    return true
end

-- Under a lock, so that nobody puts an older generation on the board than another just did.
local function read_and_tell()
    local ok, err = _M.read()
    if ok then
        -- Also when it is lower (gates.json restored from a backup): the file is the truth.
        board.set_generation(_M.generation)
    end
    return ok, err
end

--- Read the file and tell all workers that it has changed.
function _M.reread()
    local ok, err
    board.locked(function() ok, err = read_and_tell() end)
    return ok, err
end

--- Whether this worker knows the newest gates, or at least cannot know them better.
function _M.fresh()
    local newest = board.generation()
    return newest == _M.generation or newest == _M.damaged
end

--- Make sure that this worker knows the newest gates.
function _M.refresh()
    if _M.fresh() then
        return
    end
    local newest = board.generation()
    local ok, err = _M.reread()
    _M.damaged = not ok and newest or nil
    if not ok then
        ngx.log(ngx.ERR, "holdfast: gates not read: ", err)
    end
end

--- Count a request to the app's slot; false if the gates have changed meanwhile.
--
-- The count comes before the look at the generation, so that whoever raises the generation
-- and then, a moment later, reads the counts misses nobody.
function _M.enter(app)
    local cell = app.cell + board.IN_FLIGHT + app.slot
    board.add(cell, 1)
    if _M.fresh() then
        return true
    end
    board.add(cell, -1)
    return false
end

--- The request that `enter` counted is over, or goes on as a long-lived one.
function _M.exit(app)
    board.add(app.cell + board.IN_FLIGHT + app.slot, -1)
end

--- What the gate means now: "open", "hold" or "maintenance". A lease that has run out opens
-- to the last good target (or it is maintenance again), with nobody having to say so.
--
-- A lease ends at a time of the wall clock: the file outlives a reboot, which no monotonic
-- clock does. So a clock set forward ends a hold early, which is the safe side, and one set
-- back makes it longer by as much; a deploy renews its lease every few seconds, and with that
-- the next renewal, or the end of the deploy, puts both right.
function _M.effective(app)
    if app.mode == "hold" and app.lease_until and ngx.now() >= app.lease_until then
        return app.back or "open"
    end
    return app.mode
end

--- Whether a binary address (4 or 16 bytes) lies in one of the gate's networks.
-- A network is { its bytes, number of bits }, made by Python's ipaddress.
function _M.allowed(app, address)
    for _, network in ipairs(app.allow) do
        local prefix, bits = network[1], network[2]
        if #prefix == #address then
            local full = floor(bits / 8)
            local same = true
            for i = 1, full do
                if prefix[i] ~= byte(address, i) then
                    same = false
                    break
                end
            end
            local rest = bits - full * 8
            if same and rest > 0 then
                local divisor = 2 ^ (8 - rest)
                same = floor(prefix[full + 1] / divisor) == floor(byte(address, full + 1) / divisor)
            end
            if same then
                return true
            end
        end
    end
    return false
end

return _M
