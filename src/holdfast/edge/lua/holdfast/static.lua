-- Static files, straight from the release that the gate leads to.
--
-- No nginx reload when the release changes: the directory is a variable. A file that only
-- the release before had (an old page asks for its old, hashed style sheet) is served from
-- there; anything else is the app's to answer. The gate's mode does not matter: pages that
-- are out may load their pictures while requests are held, and a maintenance page its own.

local ffi = require "ffi"
local gate = require "holdfast.gate"
local gates = require "holdfast.gates"

ffi.cdef [[
char *realpath(const char *path, char *resolved);
int open(const char *path, int flags, ...);
int close(int fd);
long lseek(int fd, long offset, int whence);
long read(int fd, void *buffer, size_t count);
]]

local C = ffi.C
local find, sub, match = string.find, string.sub, string.match

local _M = {}

local YEAR = "public, max-age=31536000, immutable"
local O_NONBLOCK = ffi.os == "OSX" and 0x4 or 0x800
local LONGEST = 4096    -- bytes of a path, PATH_MAX of Linux

local buffer = ffi.new("char[?]", LONGEST)

local function real(path)
    if #path >= LONGEST or C.realpath(path, buffer) == nil then
        return nil
    end
    return ffi.string(buffer)
end

-- Opened without waiting for whoever may write to it (a FIFO); only a file can both seek and
-- be read.
local function is_file(path)
    local fd = C.open(path, O_NONBLOCK)
    if fd < 0 then
        return false
    end
    local ok = C.lseek(fd, 0, 0) == 0 and C.read(fd, buffer, 0) == 0
    C.close(fd)
    return ok
end

-- Where directories really are: a release's do not move once it serves.
local known, count = {}, 0

local function real_directory(path)
    local found = known[path]
    if not found then
        found = real(path)
        if not found then
            return nil
        end
        if count >= 1000 then
            known, count = {}, 0
        end
        known[path] = found
        count = count + 1
    end
    return found
end

local function below(path, directory)
    return sub(path, 1, #directory + 1) == directory .. "/"
end

-- The file, and the directory it is allowed in: the static one, or one that is linked into it
-- because it persists (kept); or what the app wrote here, which is the app's data at the same
-- place since then. A link that leads anywhere else is not followed: uploads may hold links that
-- a stranger made.
local function look(source, directory, rest, kept)
    local path = real(source .. "/" .. directory .. "/" .. rest)
    if not path then
        return nil
    end
    local root = real_directory(source .. "/" .. directory)
    if root and below(path, root) then
        return is_file(path) and path, root, kept[1] == directory
    end
    for i = 1, #kept do
        root = real_directory(source .. "/" .. kept[i])
        if root and below(path, root) then
            return is_file(path) and path, root, true
        end
    end
    local home = match(source, "^(.*)/releases/[^/]+/src$")
    root = home and real_directory(home .. "/data/" .. directory)
    if root and path == root .. "/" .. rest then
        return is_file(path) and path, root, true
    end
    return nil
end

-- Whether a name has the hash of its contents in it, as build tools write it:
--   name.0123456789ab.css         Django; also 8 hex digits and more of webpack, Parcel
--   name-BX3k2a91.js              Vite, Rollup: 8 of base64url
--   name-7HJKL2QX.js              esbuild: 8 of base32
-- In doubt it has none: a year is long. Dates (20240131) and words (Photo2024) are none.
local function is_hash(mark)
    if find(mark, "^%x+$") then
        return #mark >= 8 and find(mark, "%d") and find(mark, "%a")
    end
    return #mark == 8 and find(mark, "%d[%w_-]*%a")
        and (find(mark, "^[A-Z2-7]+$") or (find(mark, "%u") and find(mark, "%l")))
end

local function hashed(name)
    local from = 1
    while true do
        local at = find(name, "[.-]", from)
        local mark = at and match(name, "^([%w_-]+)%.", at + 1)
        if not at or (not mark and not find(name, ".", at + 1, true)) then
            return false
        end
        if mark and (is_hash(mark) or is_hash(match(mark, "[^-]+$"))) then
            return true
        end
        from = at + 1
    end
end

-- Files whose name begins with a dot are nobody's business, but for /.well-known/ (RFC 8615).
local function hidden(rest)
    if sub(rest, 1, 12) == ".well-known/" then
        rest = sub(rest, 13)
    end
    return sub(rest, 1, 1) == "." or find(rest, "/.", 1, true) ~= nil
end

--- The access phase of a static location: find the file, or hand the request to the app.
-- prefix: the location's URL; directory: relative to the release's source; kept: directories
-- in it that persist, `directory` itself the first if it lies in one.
function _M.access(name, prefix, directory, kept)
    local method = ngx.req.get_method()
    local var = ngx.var
    local rest = sub(var.uri, #prefix + 1)
    if (method ~= "GET" and method ~= "HEAD") or rest == "" or hidden(rest) then
        return ngx.exec("@hf_app")
    end
    gates.refresh()
    local app = gates.apps[name]
    for place = 1, 2 do
        local source = app and (place == 1 and app.source or place == 2 and app.previous_source)
        if source then
            local path, root, persists = look(source, directory, rest, kept)
            if path then
                var.hf_directory = root
                var.hf_file = path
                var.hf_cache = not persists and hashed(match(rest, "[^/]+$") or "") and YEAR or "no-cache"
                if place == 1 then
                    gate.show(app)
                end
                return
            end
        end
    end
    return ngx.exec("@hf_app")
end

return _M
