-- Static files, straight from the release that the gate leads to.
--
-- No nginx reload when the release changes: the directory is a variable. A file that only
-- the release before had (an old page asks for its old, hashed style sheet) is served from
-- there; anything else is the app's to answer.

local gates = require "holdfast.gates"

local _M = {}

local YEAR = "public, max-age=31536000, immutable"

local function is_file(path)
    local file = io.open(path, "r")
    if not file then
        return false
    end
    -- A directory opens, but cannot be read.
    local ok = file:read(0) ~= nil or file:seek("end") == 0
    file:close()
    return ok
end

-- Django writes name.0123456789ab.css, Vite and webpack name-BX3k2a91.js or name.8hex.js.
local function hashed(name)
    local mark = name:match("[.%-_]([%w_]+)%.[%w.]+$")
    if not mark or #mark < 8 then
        return false
    end
    return mark:match("^%x+$") ~= nil or (mark:match("%d") and mark:match("%u") and mark:match("%l")) ~= nil
end

--- The access phase of a static location: find the file, or hand the request to the app.
-- prefix: the location's URL; directory: relative to the release's source.
function _M.access(name, prefix, directory, fallback)
    gates.refresh()
    local app = gates.apps[name]
    local rest = ngx.var.uri:sub(#prefix + 1)
    if not app or rest == "" or rest:find("..", 1, true) or rest:find("/.", 1, true)
        or rest:sub(1, 1) == "." or rest:find("%z") then
        return ngx.exec(fallback)
    end
    for _, source in ipairs({ app.source or false, app.previous_source or false }) do
        if source and is_file(source .. "/" .. directory .. "/" .. rest) then
            ngx.var.hf_directory = source .. "/" .. directory
            ngx.var.hf_cache = hashed(rest) and YEAR or "no-cache"
            return
        end
    end
    return ngx.exec(fallback)
end

return _M
