-- Error and maintenance pages: the app's own, else ours; JSON for programs that ask for it.

local cjson = require "cjson.safe"

local _M = {}

local NAMES = { [404] = "404", [413] = "413", [502] = "502", [503] = "503", [504] = "504" }
local RETRY_AFTER = { full = "5", timeout = "10", gone = "30", maintenance = "60" }
local WORDS = {
    [404] = "no app answers to this host name",
    [413] = "the request's body is larger than this app takes",
    [502] = "the app ended the connection without an answer",
    [503] = "the app is busy or being replaced; try again",
    [504] = "the app took too long to answer",
}

local ours = {}

local function read(path)
    local file = io.open(path, "r")
    if not file then
        return nil
    end
    local text = file:read("*a")
    file:close()
    return text
end

--- Our pages, read once, in the master.
function _M.load(directory)
    for _, name in pairs(NAMES) do
        ours[name] = read(directory .. "/" .. name .. ".html")
    end
    ours.maintenance = read(directory .. "/maintenance.html")
end

local function page(app, name)
    if app and app.pages and app.source then
        local own = read(app.source .. "/" .. app.pages .. "/" .. name .. ".html")
        if own then
            return own
        end
    end
    return ours[name] or ""
end

local function answer(status, app, name, word, retry)
    ngx.status = status
    local header = ngx.header
    header["Cache-Control"] = "no-store"
    header["Retry-After"] = retry
    local accept = ngx.var.http_accept or ""
    if accept:find("application/json", 1, true) and not accept:find("text/html", 1, true) then
        header["Content-Type"] = "application/json"
        ngx.say(cjson.encode({ error = word, status = status, request_id = ngx.var.request_id }))
    else
        header["Content-Type"] = "text/html; charset=utf-8"
        ngx.print(page(app, name))
    end
    return ngx.exit(ngx.HTTP_OK)
end

--- Answer with an error page. `why` is what the line said, for 503.
function _M.send(status, app, why)
    local retry = status == 503 and RETRY_AFTER[why or "timeout"] or nil
    return answer(status, app, NAMES[status], WORDS[status], retry)
end

function _M.send_maintenance(app)
    return answer(503, app, "maintenance", "down for maintenance", RETRY_AFTER.maintenance)
end

return _M
