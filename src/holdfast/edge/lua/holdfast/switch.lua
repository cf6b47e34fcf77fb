-- The switch of an app in this worker: whether a request asks the gate in the access phase, where
-- it can wait, or only in the balancer.
--
-- Asking in the balancer alone saves a request 5 % of its instructions, but it comes late: nginx
-- has made the request to the app by then, and one that is refused there and goes into the line
-- costs 4 kB more while it waits. So the switch is thrown when a gate closes or a line forms, and
-- back when the gate lets somebody pass. Either way the answer is the same; the switch decides
-- what it costs.
--
-- nginx has no variable that is cheap to read and can be changed for all requests at once, but
-- for the text of a map in its configuration: ngx_http_lua_ffi_var_get leads to that very byte of
-- this worker's memory. Should a version of nginx or of the Lua module hand out a copy, the
-- switch stays where it is: all ask in the access phase.

local ffi = require "ffi"
local base = require "resty.core.base"

local C = ffi.C
local get_request = base.get_request

local _M = {}

local ON, OFF = 49, 48      -- "1", "0"

local switches = {}         -- the byte of each app, by name

local value = ffi.new("char *[1]")
local length = ffi.new("size_t[1]")
local problem = ffi.new("char *[1]")

-- Find the byte of an app; in a request that has looked at it.
local function find(name)
    local variable = "hf_" .. name:gsub("-", "_") .. "_ask"
    local lower = ffi.new("char[?]", #variable)
    local found = C.ngx_http_lua_ffi_var_get(get_request(), variable, #variable, lower, 0,
        value, length, problem)
    if found == 0 and length[0] == 1 and value[0][0] == ON then
        switches[name] = value[0]
    end
    return switches[name]
end

--- From now on requests ask in the access phase.
function _M.on(name)
    local switch = switches[name]
    if switch then
        switch[0] = ON
    end
end

--- From now on they ask in the balancer; called in a request that has just passed.
function _M.off(name)
    local switch = switches[name] or find(name)
    if switch then
        switch[0] = OFF
    end
end

return _M
