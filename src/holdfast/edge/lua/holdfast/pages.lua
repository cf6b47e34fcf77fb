-- Error and maintenance pages: the app's own, else ours; JSON for programs that prefer it.

local cjson = require "cjson.safe"

local max = math.max

local _M = {}

local NAMES = {
    [400] = "400", [404] = "404", [413] = "413", [414] = "400", [431] = "400",
    [502] = "502", [503] = "503", [504] = "504",
}
-- Seconds, for 503 alone (RFC 9110, 10.2.3): nobody is told to repeat what may have been
-- acted on.
local RETRY_AFTER = { full = "5", timeout = "10", gone = "30", maintenance = "60" }
local WORDS = {
    [400] = "the request is malformed",
    [404] = "no app answers to this host name",
    [413] = "the request's body is larger than this app takes",
    [414] = "the request's target is too long",
    [431] = "the request's headers are too large",
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
    local own
    if app and app.pages and app.source then
        own = read(app.source .. "/" .. app.pages .. "/" .. name .. ".html")
    end
    return (own or ours[name] or ""):gsub("{{request_id}}", ngx.var.hf_request_id)
end

-- Whether Accept (RFC 9110, 12.5.1) names JSON before HTML: by weight, then by place. Who
-- names neither (curl says */*) gets HTML.
local function prefers_json(accept)
    local json, html = 0, 0
    local place = 0
    for range in accept:lower():gmatch("[^,]+") do
        local kind = range:match("^%s*([^%s;]+)")
        local weight = tonumber(range:match(";%s*q%s*=%s*([%d.]+)")) or 1
        if kind and weight > 0 then
            weight = weight - place / 1e6
            place = place + 1
            if kind == "application/json" or kind:find("^application/[%w.-]+%+json$") then
                json = max(json, weight)
            elseif kind == "text/html" or kind == "application/xhtml+xml" then
                html = max(html, weight)
            end
        end
    end
    return json > html
end

local function answer(status, app, name, word, retry)
    ngx.status = status
    local header = ngx.header
    local text, kind
    if prefers_json(ngx.var.http_accept or "") then
        kind = "application/json"
        text = cjson.encode({ error = word, status = status, request_id = ngx.var.hf_request_id }) .. "\n"
    else
        kind = "text/html; charset=utf-8"
        text = page(app, name)
    end
    header["Content-Type"] = kind
    header["Content-Length"] = #text
    header["Cache-Control"] = "no-store"
    header["Retry-After"] = retry
    ngx.print(text)
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
